"""What commands do on a cluster: the same parts as by hand, and the same result."""

from functools import partial
from pathlib import Path
from typing import Any

from defectory.distributed.clusters import Cluster
from defectory.distributed.tasks import run_tasks
from defectory.domain import Progress
from defectory.machine.cache_folder import user_cache_folder
from defectory.remote import Place
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.parts import collect_part
from defectory.workflows.fitting.save import fit_to_bundle
from defectory.workflows.outliers.collection import read_collection
from defectory.workflows.outliers.reading import plan_reading, read_part
from defectory.workflows.outliers.results import OutlierOptions
from defectory.workflows.shards.merge import MergedSummary, merge_shards
from defectory.workflows.shards.place import shards_begun
from defectory.workflows.shards.score import load_collection, score_part

_N_PARTS = 16
"""Of a fit: the same on every cluster, since a memory of patches depends on it a little."""


def score_on_cluster(
    cluster: Cluster, bundle: Path, images: Place, folder: Path, n_shards: int | None, progress: Progress,
    *, file_format: str | None = None, **options: Any,
) -> MergedSummary:  # fmt: skip
    """Score what is not there yet of all shards, and merge them; raises what these do.

    Parameters
    ----------
    n_shards : None takes as many as the folder holds, else a few for each worker
    options : of `score_shard`
    """
    collection = load_collection(bundle, images, **options)
    work = partial(score_part, bundle, images, options, folder)
    with cluster.connected(progress) as n_usual:
        n = n_shards or shards_begun(folder) or n_usual
        collection.begin(folder, n)
        run_tasks(work, n, folder, cluster, progress, "scoring", collection.count)
    return merge_shards(folder, file_format=file_format, progress=progress)


def fit_on_cluster(
    cluster: Cluster, data: Path, bundle: Path, options: FitOptions, n_parts: int | None, progress: Progress,
    *, overwrite: bool = False,
) -> tuple[FitResult, Path | None]:  # fmt: skip
    """Collect parts beside the bundle, where they lie until it is there, and fit; see `fit_to_bundle`."""
    folder, n = bundle.with_name(f"{bundle.name}.parts"), n_parts or _N_PARTS
    work = partial(collect_part, data, folder, options=options)

    def collect() -> None:
        with cluster.connected(progress):
            run_tasks(work, n, folder, cluster, progress, "collecting")

    return fit_to_bundle(
        data, bundle, options, parts=folder, collect=collect, overwrite=overwrite, progress=progress
    )


def read_on_cluster(
    cluster: Cluster, data: Path, options: OutlierOptions, n_parts: int | None, progress: Progress
) -> None:
    """Put features that `find_outliers` will look for into the cache; raises what `read_part` does."""
    folder = user_cache_folder().absolute()
    n_read = plan_reading(read_collection(data), options)
    work = partial(read_part, data, options, folder)
    with cluster.connected(progress) as n_usual:
        n = n_parts or n_usual
        run_tasks(work, n, folder, cluster, progress, "reading ahead", lambda: n_read)
