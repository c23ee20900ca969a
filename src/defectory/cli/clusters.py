"""Which Ray cluster a command line means."""

from contextvars import Context
from typing import TYPE_CHECKING

import click

from defectory.cli.options import THREADS

if TYPE_CHECKING:
    from defectory.distributed.clusters import Cluster


def cluster_at(address: str) -> "Cluster":
    """Return the cluster; a worker takes a CPU, or as many as `--threads` says."""
    from defectory.distributed.clusters import Cluster
    from defectory.machine import count_cores

    n_threads = click.get_current_context().meta.get(THREADS, 1)
    return Cluster(
        address, Context().run(count_cores), n_threads
    )  # whatever --threads says of this process
