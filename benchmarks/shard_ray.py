"""A Ray cluster of one machine as a process of ours, to be stopped, and workers of a command, to be killed.

`ray stop` would end every Ray process of the machine, those of other people, too.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

_START_S = 60.0
_AT_WORK = "ray::_run_part"


class Cluster:
    """The head of a cluster on loopback, running.

    Parameters
    ----------
    folder : for its files
    port : its address is 127.0.0.1 with this port
    """

    def __init__(self, folder: Path, port: int) -> None:
        start = "from ray.scripts.scripts import main; main()"
        told = ["start", "--head", "--block", f"--port={port}", "--node-ip-address=127.0.0.1"]
        told += ["--include-dashboard=false", "--num-cpus=2", "--disable-usage-stats"]
        with folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", start, *told],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_for(port, self._process)

    def stop(self) -> None:
        """End it with all that it has started; once more does nothing."""
        if self._process.poll() is None:
            end(self._process.pid)
            self._process.wait()


def end(pid: int) -> None:
    """Kill a process and all that it has started."""
    for each in (pid, *descendants(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def ray_workers(pid: int) -> list[int]:
    """Return the processes that work on a part, among those that a process has started, and those have.

    Ray's own agents are called ray:: as well; without them a node ends, by design.
    """
    return [child for child in descendants(pid) if _command_line(child).startswith(_AT_WORK)]


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those have; Linux only."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # has ended
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, of in parents.items() if of == parent]
        found += children
        waiting += children
    return found


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (OSError, UnicodeDecodeError):
        return ""


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError("the head of the Ray cluster has ended")
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"no Ray cluster after {_START_S:.0f} s")
