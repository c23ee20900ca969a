"""What `outliers` reads of a collection, read ahead into the cache: in parts, by any processes."""

import functools
from pathlib import Path

from defectory.backbones.feature_cache import DEFAULT_CACHE_BYTES, FeatureCache
from defectory.detectors.mcod import Mcod
from defectory.domain import OutputError, Progress, ResourceError
from defectory.workflows.outliers.collection import Collection, read_collection
from defectory.workflows.outliers.find import SETTINGS
from defectory.workflows.outliers.results import OutlierOptions
from defectory.workflows.shards.membership import Shard

# Features are kept in half precision, each with its checksum and names.
_FLOAT16_SHARE, _RECORD_BYTES = 0.5, 512


def plan_reading(collection: Collection, options: OutlierOptions) -> int:
    """Return how many features all parts read; ResourceError where the cache cannot hold them."""
    detector, n = _detector(options), len(collection.names)
    n_read = n * (1 + detector.n_views)
    n_bytes = n_read * (detector.feature_bytes * _FLOAT16_SHARE + _RECORD_BYTES)
    if n_bytes > DEFAULT_CACHE_BYTES:
        n_most = int(n * DEFAULT_CACHE_BYTES / n_bytes)
        raise ResourceError(
            f"features of {n:,} images do not fit into the cache, which holds those of {n_most:,}: find "
            "outliers in a part of them; or fit --detector mcod on a part, and score all"
        )
    return n_read


def read_part(
    data: Path, options: OutlierOptions, folder: Path, part: Shard, progress: Progress
) -> None:
    """Put the features of every n-th image into the cache, just as `find_outliers` looks for them.

    Parameters
    ----------
    folder : of the cache, as `user_cache_folder` has it where outliers are to be found

    Raises
    ------
    ImageReadError, OutputError : an image cannot be read, or the cache not be written.
    """
    cache = FeatureCache(folder / "features")
    detector, collection = _detector(options, cache), _listed(data)
    rows = range(part.index, len(collection.names), part.n)
    detector.read_ahead(collection.images, rows, progress=progress)
    if cache.problem:
        raise OutputError(cache.problem)


_listed = functools.cache(read_collection)  # once for all parts that a process reads


def _detector(options: OutlierOptions, cache: FeatureCache | None = None) -> Mcod:
    settings = {name: getattr(options, name) for name in SETTINGS}
    return Mcod(n_folds=0, cache=cache, **settings)
