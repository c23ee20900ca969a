"""From a data set to a model with a threshold: options, what is learned from, what a person must know."""

import time
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.artifacts import Bundle, LabelCounts, Promise
from defectory.calibration import choose_threshold
from defectory.detectors.base import Detector
from defectory.domain import (
    DefectScores,
    ImageSource,
    Label,
    NoProgress,
    Progress,
    own_groups,
)
from defectory.sources import Dataset
from defectory.sources.grouping import NONE, group_by
from defectory.workflows.caching import fit_resuming, kept_features
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.cost import tell_cost
from defectory.workflows.fitting.defect_scores import score_defects
from defectory.workflows.fitting.detectors import make_detector
from defectory.workflows.fitting.facts import describe_fit, was_chosen
from defectory.workflows.fitting.found_groups import with_found_groups
from defectory.workflows.fitting.limits import KEPT_FILE_BYTES, Limits
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.parts import MergedParts, merge_parts
from defectory.workflows.fitting.training_data import read_training_part, readable_part
from defectory.workflows.fitting.weaknesses import weak_variety
from defectory.workflows.memory import within
from defectory.workflows.suspects import SuspectImage, rank_unlabeled


def fit_dataset(
    data: Path | str | Dataset,
    options: FitOptions | None = None,
    *,
    parts: Path | Sequence[Path] | None = None,
    progress: Progress | None = None,
) -> FitResult:
    """Fit a detector and its threshold on the training part of a data set.

    Test images are never looked at. Labeled anomalies are not used by one-class detectors.

    Parameters
    ----------
    parts : folder of `collect_part`, or files of statistics: what is normal comes from them, and only a draw
        of the images is read; None to read all

    Raises
    ------
    DataError, ImageReadError : the data cannot be used.
    ParameterError : a setting is out of range.
    ResourceError : more memory or time would be needed than is allowed.
    """
    started = time.monotonic()
    options, progress = options or FitOptions(), progress or NoProgress()
    # features of the cache are rounded, and statistics are of those that are not
    use_cache = options.use_cache and parts is None
    with kept_features(use_cache, progress) as store:
        detector = make_detector(options, store)
        options = replace(options, seed=getattr(detector, "seed", options.seed))
        return _fit(data, options, detector, parts, progress, started)


def _fit(
    data: Path | str | Dataset,
    options: FitOptions,
    detector: Detector,
    parts: Path | Sequence[Path] | None,
    progress: Progress,
    started: float,
) -> FitResult:
    train, notes = read_training_part(data, options)
    merged = None
    if parts is not None:
        merged = merge_parts(parts, train, detector, data)
        train, notes = merged.drawn, (*notes, merged.note)
    limits = Limits(options.time_budget_s, options.max_memory_bytes, options.device)
    limits.check_device(detector)
    with within(limits.plan_memory(detector, train)):
        train, more = readable_part(train, options, progress)
        late: tuple[str, ...] = ()
        if merged is None:
            train, late = limits.keep_time(detector, train, options.seed, started)
        if detector.capabilities.needs_torch:
            detector.resources = limits.training_resources(detector, train, keep=options.use_cache)
        images = train.images(max_kept_bytes=KEPT_FILE_BYTES)
        train, found = _with_groups(detector, train, images, options, progress)
        _learn(detector, train, images, merged, options, progress)
        defects = score_defects(
            detector, images, train.labels, seed=options.seed, progress=progress
        )
        bad = train.filter(lambda sample: sample.label is Label.ANOMALOUS)
        defects = replace(defects, is_fair=not any(map(was_chosen, bad.samples)))
    detector.cache = None
    notes = (*notes, *more, *weak_variety(train, detector.held_out_.scores), *late, *found)
    contents = train.contents()
    suspects = rank_unlabeled(detector, train, contents)
    model = _calibrated(detector, train, contents, suspects, defects, options, notes)
    if merged is not None:
        model = _of_all(model, merged)
    if options.keep_probes:
        model = _with_probes(model, images, contents, options.seed)
    labels = train.labels if merged is None else merged.collection.train.labels
    return _result(model, labels, suspects, time.monotonic() - started)


def _learn(
    detector: Detector,
    train: Dataset,
    images: ImageSource,
    merged: MergedParts | None,
    options: FitOptions,
    progress: Progress,
) -> None:
    """Fit the detector: on the images, or on the statistics of parts."""
    masks = train.masks(max_kept_bytes=KEPT_FILE_BYTES)
    if merged is not None:
        merged.fit(detector, train, images, masks, progress)
        return
    groups = {} if train.groups is None else {"groups": train.groups}
    if options.tell_cost:
        tell_cost(detector, train, images, progress)
    fit_resuming(
        detector,
        lambda: detector.fit(images, train.labels, masks, progress=progress, **groups),
        progress,
    )


def _result(
    model: CalibratedDetector,
    labels: NDArray[np.int8],
    suspects: tuple[SuspectImage, ...],
    wall_s: float,
) -> FitResult:
    detector = model.bundle.detector
    uses_anomalous = detector.capabilities.uses_labeled_anomalies
    return FitResult(
        model=model,
        n_images=len(labels),
        n_normal=int((labels == Label.NORMAL).sum()),
        n_unlabeled=int((labels == Label.UNLABELED).sum()),
        n_anomalous=int((labels == Label.ANOMALOUS).sum()),
        n_learned=len(labels) if uses_anomalous else int((labels != Label.ANOMALOUS).sum()),
        wall_s=wall_s,
        notes=(*model.facts.notes, *_weak_acceptance(model)),
        suspects=suspects,
        account=detector.account_,
    )


def _with_groups(
    detector: Detector,
    train: Dataset,
    images: ImageSource,
    options: FitOptions,
    progress: Progress,
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images with the groups that the detector is told of, and what to say of them."""
    if "groups" in signature(detector.fit).parameters:
        notes: tuple[str, ...] = ()
        if options.group_by is None:
            train, notes = with_found_groups(train, images, progress, options.n_normals_needed)
        return train, (*notes, *_one_group(train))
    if train.groups is None:
        return train, ()
    note = f"{detector.name} takes no groups: their images count as if they had none"
    return group_by(train, NONE), (note,)


def _one_group(train: Dataset) -> tuple[str, ...]:
    """Return what to say where groups leave nothing to hold out; see `groups_to_leave_out`."""
    if train.groups is None:
        return ()
    good = own_groups(len(train), train.groups)[train.labels != Label.ANOMALOUS]
    if len(good) < 2 or len(np.unique(good)) > 1:
        return ()
    return (
        f"all {len(good)} good images are of one group, which cannot be left out: each counts as a group of "
        "its own. If they do belong together, what is promised does not hold for others: name groups more "
        "closely",
    )


def _of_all(model: CalibratedDetector, merged: MergedParts) -> CalibratedDetector:
    """Return the model with facts of all images that its statistics are of, not of the drawn ones alone."""
    labels = merged.collection.train.labels
    counts = {label.name.lower(): int((labels == label).sum()) for label in Label}
    data = model.facts.data
    n_images = merged.statistics.n_images + counts[Label.ANOMALOUS.name.lower()]
    facts = replace(
        model.facts,
        data=replace(data, n_images=n_images, n_fitted_hashes=len(data.image_hashes)),
        labels=LabelCounts(**counts),
    )
    return CalibratedDetector(replace(model.bundle, facts=facts))


def _weak_acceptance(model: CalibratedDetector) -> tuple[str, ...]:
    """Return what to say where the promise on defects cannot be kept; no fact, as it may be changed."""
    zone = model.gray_zone
    return () if zone is None or zone.accept.is_kept else (zone.accept.explain(),)


def _with_probes(
    model: CalibratedDetector, images: ImageSource, contents: Sequence[str], seed: int
) -> CalibratedDetector:
    """Return the model with small images of the fit, by which exports are checked."""
    from defectory.workflows.fitting.probes import probes_of_fit

    threshold = model.threshold.value
    probes = probes_of_fit(images, contents, model.bundle.calibration, threshold, seed=seed)
    return CalibratedDetector(replace(model.bundle, probes=probes))


def _calibrated(
    detector: Detector,
    train: Dataset,
    contents: Sequence[str],
    suspects: Sequence[SuspectImage],
    defects: DefectScores,
    options: FitOptions,
    notes: tuple[str, ...],
) -> CalibratedDetector:
    calibration = detector.held_out_
    promise = Promise(options.false_reject_rate, options.confidence, options.miss_rate)
    threshold = choose_threshold(calibration, promise.false_reject_rate, promise.confidence)
    if not threshold.is_kept:
        notes = (*notes, threshold.explain())
    facts = describe_fit(detector, train, contents, suspects, seed=options.seed, notes=notes)
    return CalibratedDetector(Bundle(detector, calibration, promise, facts, defects))
