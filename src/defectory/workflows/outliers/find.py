"""`defectory outliers`: which images of a collection do not belong, ranked, grouped and shown."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.providers import provider_in_force
from defectory.detectors.mcod import Mcod
from defectory.domain import (
    DataError,
    ImageSource,
    MissingExtraError,
    NoProgress,
    ParameterError,
    Progress,
    ResourceError,
    TrainingResources,
)
from defectory.domain.images import ChosenImages
from defectory.machine.cache_folder import user_cache_folder
from defectory.sources import FileImages
from defectory.training.devices import find_device
from defectory.workflows.caching import fit_resuming, kept_features
from defectory.workflows.memory import MemoryNeed, MemoryPlan, plan_memory, within
from defectory.workflows.outliers.collection import Collection, read_collection
from defectory.workflows.outliers.groups import group_alike
from defectory.workflows.outliers.ratio import RatioEstimate, cut_for, estimate_ratio
from defectory.workflows.outliers.results import OutlierOptions, Outliers

MIN_IMAGES = 8
"""With fewer there is no majority that could say what belongs."""

# Images whose reading is timed before a time budget is planned.
_N_TIMED = 16
# Of what reading leaves of a time budget; the rest is for scores, groups and pictures.
_TRAINING_SHARE = 0.8

SETTINGS = ("encoder", "size_px", "n_slots", "augmentation", "seed")
"""Options that are the detector's."""


def find_outliers(
    data: Path, options: OutlierOptions | None = None, *, progress: Progress | None = None
) -> Outliers:
    """Fit memory on a collection and rank the collection by it; no label is looked at.

    Raises
    ------
    DataError, ImageReadError : there are too few images, or one cannot be read.
    ParameterError : a setting is out of range.
    ResourceError : the time budget does not even allow to read the images, or memory is too little.
    """
    started = time.monotonic()
    options, progress = options or OutlierOptions(), progress or NoProgress()
    _check(options)
    collection = read_collection(data, skip_unreadable=options.skip_unreadable, progress=progress)
    n = len(collection.names)
    if n < MIN_IMAGES:
        raise DataError(
            f"{data}: {n} images are too few to tell what belongs; give at least {MIN_IMAGES}"
        )
    settings = {name: getattr(options, name) for name in SETTINGS}
    # each image is read once: there is nothing to keep in memory
    keep = kept_features(options.use_cache, progress, max_kept_bytes=0)
    with keep as store, within(_plan(collection, options, settings)):
        detector = Mcod(n_folds=0, cache=store, **settings)
        budget_s = _training_budget(collection.images, detector, options.time_budget_s, started)
        detector.resources = _resources(collection, detector, options, budget_s)
        fit_resuming(detector, lambda: detector.fit(collection.images, progress=progress), progress)
        detector.cache = None
    scores = detector.fitted_scores_
    estimate = _estimate(scores, options)
    order = np.argsort(-scores, kind="stable")
    listed = order[scores[order] > estimate.cut]
    groups = np.zeros(n, np.intp)
    groups[listed] = group_alike(detector.fitted_coordinates_[listed], options.n_groups)
    return Outliers(
        collection, detector, scores, _number_slots(detector.fitted_shares_), groups, estimate,
        order, options, time.monotonic() - started,
    )  # fmt: skip


def _plan(
    collection: Collection, options: OutlierOptions, settings: Mapping[str, Any]
) -> MemoryPlan:
    detector, n = Mcod(**settings), len(collection.names)
    need = MemoryNeed(
        what=f"finding outliers among {n} images",
        fixed_bytes=detector.estimate_fit_bytes(n),
        reader_bytes=detector.reader_bytes,
        advice=", or choose a smaller size",
    )
    images = collection.images
    paths = images.paths if isinstance(images, FileImages) else ()
    return plan_memory(options.max_memory_bytes, need, paths)


def _estimate(scores: NDArray[np.float32], options: OutlierOptions) -> RatioEstimate:
    if options.ratio is None:
        return estimate_ratio(scores)
    n_out = max(1, round(options.ratio * len(scores)))
    return RatioEstimate(n_out / len(scores), cut_for(scores, n_out), is_clear=True)


def _number_slots(shares: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the slot that each image mostly reads, numbered from 1 by how many do."""
    chosen = shares.argmax(axis=1)
    order = np.argsort(-np.bincount(chosen, minlength=shares.shape[1]), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    numbers: NDArray[np.intp] = rank[chosen] + 1
    return numbers


def _training_budget(
    images: ImageSource, detector: Mcod, budget_s: float | None, started: float
) -> float | None:
    """Return the seconds of a time budget that training may take; ResourceError where reading takes them all.

    Every image has to be read, or it could not be ranked: only training can be shorter.
    """
    n = len(images)
    if budget_s is None:
        return None
    each_s = _time_reading(images, detector) if n > _N_TIMED + 1 else 0.0
    left_s = budget_s - n * each_s - (time.monotonic() - started)
    if left_s <= 0:
        raise ResourceError(
            f"a time budget of {budget_s:.0f} s is too short: reading {n} images needs about "
            f"{n * each_s:.0f} s; allow more time"
        )
    return _TRAINING_SHARE * left_s


def _time_reading(images: ImageSource, detector: Mcod) -> float:
    """Return the seconds that one image takes, without what is paid once: loading the encoder."""
    drawn = np.random.default_rng(detector.seed).permutation(len(images))[: _N_TIMED + 1].tolist()
    one, more = ChosenImages(images, drawn[:1]), ChosenImages(images, drawn)
    detector.time_reading(one)  # what is made on first use is made
    once_s = detector.time_reading(one)
    return max(0.0, len(drawn) * detector.time_reading(more) - once_s) / _N_TIMED


def _resources(
    collection: Collection, detector: Mcod, options: OutlierOptions, budget_s: float | None
) -> TrainingResources:
    """Return where training is kept until it is done: under the run's own fingerprint, never another's."""
    is_small = options.encoder == "packaged"  # more threads would only wait for each other
    plain = TrainingResources(
        n_threads=1 if is_small else None, time_budget_s=budget_s, device=options.device
    )
    if not options.use_cache:
        return plain
    try:
        from defectory.training.loop import fingerprint_run
    except ImportError as error:
        raise MissingExtraError("finding outliers", "train") from error
    prints: Sequence[str] = [collection.images.fingerprint(i) for i in range(len(collection.names))]
    config = {"provider": provider_in_force(), **detector.config()}
    name = fingerprint_run(config, prints)[:32]
    return replace(plain, checkpoint=user_cache_folder() / "training" / f"{name}.checkpoint")


def _check(options: OutlierOptions) -> None:
    resources = TrainingResources(device=options.device, time_budget_s=options.time_budget_s)
    if options.device != "auto":
        find_device(resources)
    if options.ratio is not None and not 0 < options.ratio <= 0.5:
        raise ParameterError(
            f"the share of outliers is {options.ratio}; give more than 0, at most .5"
        )
    if options.n_groups is not None and options.n_groups < 1:
        raise ParameterError(f"the number of groups is {options.n_groups}; give 1 or more")
