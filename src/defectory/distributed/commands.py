"""What commands do on a cluster: the same parts as by hand, and the same result."""

import os
from functools import cache, partial
from pathlib import Path
from typing import Any

from defectory.distributed.clusters import Cluster
from defectory.distributed.tasks import run_tasks
from defectory.domain import Progress
from defectory.machine.cache_folder import CACHE_VARIABLE, user_cache_folder
from defectory.workflows.outliers.collection import read_collection
from defectory.workflows.outliers.reading import plan_reading, read_part
from defectory.workflows.outliers.results import OutlierOptions
from defectory.workflows.shards.membership import Shard, all_shards
from defectory.workflows.shards.merge import MergedSummary, merge_shards
from defectory.workflows.shards.place import shards_begun
from defectory.workflows.shards.score import load_collection

_loaded, _listed = cache(load_collection), cache(read_collection)  # once a worker


def score_on_cluster(
    cluster: Cluster, bundle: Path, images: Path, folder: Path, n_shards: int | None, progress: Progress,
    *, file_format: str | None = None, **options: Any,
) -> MergedSummary:  # fmt: skip
    """Score what is not there yet of all shards, and merge them; raises what these do.

    Parameters
    ----------
    n_shards : None takes as many as the folder holds, else a few for each worker
    options : of `score_shard`
    """
    collection = load_collection(bundle, images, **options)
    work = partial(_score, (bundle, images), options, folder)
    with cluster.connected(progress) as n_workers:
        n = n_shards or shards_begun(folder) or _a_few(n_workers)
        collection.begin(folder, n)
        run_tasks(work, all_shards(n), folder, cluster, progress, "scoring", collection.count)
    return merge_shards(folder, file_format=file_format, progress=progress)


def read_on_cluster(
    cluster: Cluster, data: Path, options: OutlierOptions, n_parts: int | None, progress: Progress
) -> None:
    """Put features that `find_outliers` will look for into the cache; raises what `read_part` does."""
    folder = user_cache_folder().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    n_read = plan_reading(read_collection(data), options)
    work = partial(_read, data, options, folder)
    with cluster.connected(progress) as n_workers:
        parts = all_shards(n_parts or _a_few(n_workers))
        run_tasks(work, parts, folder, cluster, progress, "reading ahead", lambda: n_read)


def _a_few(n_workers: int) -> int:
    return max(8, 4 * n_workers)  # so that none waits long for the last


def _score(what: Any, options: Any, folder: Path, shard: Shard, progress: Progress) -> None:
    _loaded(*what, **options).score(folder, shard, progress)


def _read(data: Path, options: Any, folder: Path, part: Shard, progress: Progress) -> None:
    os.environ[CACHE_VARIABLE] = str(folder)
    read_part(_listed(data), options, part, progress)
