"""Commands on a Ray cluster."""

from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from defectory.cli.options import THREADS
from defectory.cli.text import print_fit, print_merged

if TYPE_CHECKING:
    from defectory.distributed.clusters import Cluster


def cluster_at(address: str) -> "Cluster":
    """Return the cluster that `--ray` means; a worker takes a CPU, or as many as `--threads` says."""
    from defectory.distributed.clusters import Cluster
    from defectory.machine import count_cores

    n_threads = click.get_current_context().meta.get(THREADS, 1)
    return Cluster(
        address, Context().run(count_cores), n_threads
    )  # whatever --threads says of this process


def score_at(
    address: str, bundle: Path, images: Path, folder: Path, n_shards: int | None,
    file_format: str | None, **said: Any,
) -> None:  # fmt: skip
    """Score all shards at an address, merge, and print what came of it.

    Parameters
    ----------
    said : options of `score_shard`; those that are None were not given
    """
    from defectory.cli.bars import Bars
    from defectory.distributed.commands import score_on_cluster

    options = {name: value for name, value in said.items() if value is not None}
    with Bars() as bars:
        merged = score_on_cluster(
            cluster_at(address), bundle, images, folder, n_shards, bars,
            file_format=file_format, **options,
        )  # fmt: skip
    print_merged(merged)


def fit_at(
    address: str, data: Path, bundle: Path, options: Any, n_parts: int | None, *, overwrite: bool
) -> None:
    """Fit in parts at an address, and print what came of it."""
    from defectory.cli.bars import Bars
    from defectory.distributed.commands import fit_on_cluster

    with Bars() as bars:
        result, suspects = fit_on_cluster(
            cluster_at(address), data, bundle, options, n_parts, bars, overwrite=overwrite
        )
    print_fit(result, bundle, suspects)
