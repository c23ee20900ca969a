"""Features and interrupted training kept for a fit: on disk, or in memory for as long as it lasts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from defectory.backbones import FeatureStore, KeptFeatures
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors.base import Detector
from defectory.domain import CheckpointError, Progress
from defectory.machine.cache_folder import user_cache_folder

MAX_KEPT_BYTES = 512 * 2**20
"""Of features in memory where none may be kept on disk: 1,000 images of 256 px; others are read again."""


@contextmanager
def kept_features(
    use_cache: bool, progress: Progress, *, max_kept_bytes: int = MAX_KEPT_BYTES
) -> Iterator[FeatureStore]:
    """Give the place where features are kept between passes over images.

    A cache that cannot be written, or was found damaged, is said once and does no harm.

    Parameters
    ----------
    use_cache : keep them in the user's cache folder, for the next fit too; else in memory
    max_kept_bytes : >= 0, of those in memory
    """
    if not use_cache:
        kept = KeptFeatures(max_kept_bytes)
        try:
            yield kept
        finally:
            kept.clear()
        return
    cache = FeatureCache(user_cache_folder() / "features")
    try:
        yield cache
    finally:
        if cache.problem:
            progress.say(f"note: {cache.problem}")
        if cache.n_damaged:
            progress.say(
                f"note: {cache.n_damaged} records of the cache were damaged and are made anew"
            )


def fit_resuming(detector: Detector, fit: Callable[[], object], progress: Progress) -> None:
    """Fit; where what is kept of an interrupted training is damaged, say so and fit from the start.

    Parameters
    ----------
    detector : whose `resources` may name a checkpoint in the cache folder
    fit : that detector
    """
    try:
        fit()
    except CheckpointError:
        path = None if detector.resources is None else detector.resources.checkpoint
        if path is None or user_cache_folder() not in path.parents:
            raise
        progress.say("note: an interrupted training in the cache is damaged; it starts again")
        path.unlink(missing_ok=True)
        fit()
