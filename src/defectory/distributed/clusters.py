"""A Ray cluster: one that is running, or one of this machine for as long as a command lasts."""

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from defectory.domain import DefectoryError, MissingExtraError, Progress
from defectory.domain.errors import one_line

# Environment variables, which Ray reads when imported. All of a local one listens on loopback only, as on
# macOS and Windows, takes no code from other users, leaves no token in the home, and reports nothing.
_LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
_LOCAL |= {"RAY_USAGE_STATS_ENABLED": "0"}
# Where none answers, Ray would try for a quarter of an hour.
_RUNNING = {"RAY_gcs_server_port_wait_time_s": "1"}
# Only numbers pass through the object store, which takes no less.
_LOCAL_OPTIONS = {"include_dashboard": False, "object_store_memory": 80 * 2**20}
_PROBE_S = 5.0


class ClusterError(DefectoryError):
    """A cluster cannot be reached, or cannot do the work."""


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and what of it a worker takes.

    Attributes
    ----------
    address : HOST:PORT; auto, the one that runs here; or local, one that starts and ends with the work
    n_cores : >= 1, of a local one
    n_threads : >= 1, CPUs of a worker
    """

    address: str
    n_cores: int
    n_threads: int = 1

    @contextmanager
    def connected(self, progress: Progress) -> Iterator[int]:
        """Be connected while the context lasts; give into how many parts to cut the work, as it is now.

        Raises
        ------
        MissingExtraError, ClusterError : Ray is not installed; there is no such cluster, or another version.
        """
        is_local = self.address == "local"
        os.environ.update(
            _LOCAL | {"RAY_AUTH_TOKEN": secrets.token_hex()} if is_local else _RUNNING
        )
        ray = import_ray()
        options: dict[str, Any] = {"logging_level": "critical", "log_to_driver": False}
        on_sigterm = signal.getsignal(signal.SIGTERM)
        with ExitStack() as ends:
            if is_local:
                folder = TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
                n_cpus = max(self.n_cores, self.n_threads)
                local = {"num_cpus": n_cpus, "_temp_dir": ends.enter_context(folder)}
                options |= _LOCAL_OPTIONS | local
            ends.callback(ray.shutdown)
            try:
                host, _, port = self.address.rpartition(":")
                if host:  # Ray takes long to say that nobody listens
                    socket.create_connection((host.strip("[]"), int(port)), _PROBE_S).close()
                ray.init(self.address, **options)
            except Exception as error:
                raise ClusterError(
                    f"no Ray cluster at {self.address}: {one_line(error)}"
                ) from error
            finally:
                signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it over
            nodes = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
            n_workers = sum(int(n_cpus // self.n_threads) for n_cpus in nodes)
            if not n_workers:
                progress.say(f"note: no node has {self.n_threads} CPUs yet; the work waits")
            yield max(8, 4 * n_workers)  # a few each, so that none waits long for the last


def import_ray() -> Any:
    """Return Ray; MissingExtraError."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--ray", "ray") from error
    return ray
