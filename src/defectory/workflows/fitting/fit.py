"""From a data set to a model with a threshold: options, what is learned from, what a person must know."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path

from defectory.artifacts import Bundle, Promise
from defectory.backbones import FeatureStore
from defectory.backbones.weights import check_weights
from defectory.calibration import choose_threshold, n_normals_needed
from defectory.calibration.thresholds import check_share
from defectory.detectors import find_detector
from defectory.detectors.base import Detector
from defectory.detectors.evidence.speeds import find_speed
from defectory.domain import (
    DefectScores,
    ImageSource,
    Label,
    NoProgress,
    ParameterError,
    Progress,
    check_settings,
)
from defectory.sources import Dataset, read_dataset
from defectory.sources.grouping import NONE, group_by
from defectory.sources.training_part import training_part
from defectory.workflows.caching import fit_resuming, kept_features
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.cost import tell_cost
from defectory.workflows.fitting.defect_scores import score_defects
from defectory.workflows.fitting.facts import describe_fit
from defectory.workflows.fitting.found_groups import with_found_groups
from defectory.workflows.fitting.limits import KEPT_FILE_BYTES, Limits
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.weaknesses import weak_labels, weak_variety
from defectory.workflows.memory import within
from defectory.workflows.readable import find_unreadable, keep_readable
from defectory.workflows.suspects import SuspectImage, rank_unlabeled


def fit_dataset(
    data: Path | str | Dataset,
    options: FitOptions | None = None,
    *,
    progress: Progress | None = None,
) -> FitResult:
    """Fit a detector and its threshold on the training part of a data set.

    Test images are never looked at. Labeled anomalies are not used by one-class detectors.

    Raises
    ------
    DataError, ImageReadError : the data cannot be used.
    ParameterError : a setting is out of range.
    ResourceError : more memory or time would be needed than is allowed.
    """
    started = time.monotonic()
    options, progress = options or FitOptions(), progress or NoProgress()
    with kept_features(options.use_cache, progress) as store:
        detector = _with_weights(_make_detector(options, store), options.weights)
        options = replace(options, seed=getattr(detector, "seed", options.seed))
        return _fit(data, options, detector, progress, started)


def _fit(
    data: Path | str | Dataset,
    options: FitOptions,
    detector: Detector,
    progress: Progress,
    started: float,
) -> FitResult:
    dataset = data
    if not isinstance(dataset, Dataset):
        dataset = read_dataset(dataset, good_words=options.good_words, bad_words=options.bad_words)
    dataset = group_by(dataset, options.group_by)
    if options.assume_good:
        dataset = _confirmed(dataset)
    train, notes = training_part(dataset), (*dataset.notes, *weak_labels(dataset))
    limits = Limits(options.time_budget_s, options.max_memory_bytes, options.device)
    limits.check_device(detector)
    with within(limits.plan_memory(detector, train)):
        train, more = _readable_part(train, options, progress)
        train, late = limits.keep_time(detector, train, options.seed, started)
        if detector.capabilities.needs_torch:
            detector.resources = limits.training_resources(detector, train, keep=options.use_cache)
        images = train.images(max_kept_bytes=KEPT_FILE_BYTES)
        masks = train.masks(max_kept_bytes=KEPT_FILE_BYTES)
        train, found = _with_groups(detector, train, images, options, progress)
        groups = {} if train.groups is None else {"groups": train.groups}
        if options.tell_cost:
            tell_cost(detector, train, images, progress)
        fit_resuming(
            detector,
            lambda: detector.fit(images, train.labels, masks, progress=progress, **groups),
            progress,
        )
        defects = score_defects(
            detector, images, train.labels, seed=options.seed, progress=progress
        )
    detector.cache = None
    more += tuple(weak_variety(train, detector.held_out_.scores))
    contents = train.contents()
    suspects = rank_unlabeled(detector, train, contents)
    model = _calibrated(
        detector, train, contents, suspects, defects, options, (*notes, *more, *late, *found)
    )
    if options.keep_probes:
        model = _with_probes(model, images, contents, options.seed)
    labels = train.labels
    uses_anomalous = detector.capabilities.uses_labeled_anomalies
    return FitResult(
        model=model,
        n_images=len(train),
        n_normal=int((labels == Label.NORMAL).sum()),
        n_unlabeled=int((labels == Label.UNLABELED).sum()),
        n_anomalous=int((labels == Label.ANOMALOUS).sum()),
        n_learned=len(train) if uses_anomalous else int((labels != Label.ANOMALOUS).sum()),
        wall_s=time.monotonic() - started,
        notes=(*model.facts.notes, *_weak_acceptance(model)),
        suspects=suspects,
        account=detector.account_,
    )


def _make_detector(options: FitOptions, store: FeatureStore) -> Detector:
    if not isinstance(options.detector, str):
        return _own_copy(options.detector, options, store)
    make: Callable[..., Detector] = find_detector(options.detector)
    _check_options(options)
    settings = {**_shared(options), "cache": store}
    known = signature(make).parameters
    if "n_tiles" not in known and options.n_tiles != 1:
        raise ParameterError(
            f"{options.detector} reads no tiles; leave tiles out, or take the detector gaussian"
        )
    usual = _shared(FitOptions())
    # a plug-in may have none of these
    for name, what in (("backbone", "backbone"), ("size_px", "size"), ("speed", "speed")):
        if name not in known and settings[name] != usual[name]:
            raise ParameterError(f"{options.detector} has no {what} to choose; leave {what} out")
    return make(**{name: value for name, value in settings.items() if name in known})


def _own_copy(given: object, options: FitOptions, store: FeatureStore) -> Detector:
    """Return an unfitted detector with the settings of the given one, which stays as it is."""
    if not isinstance(given, Detector):
        kind = given.__name__ if isinstance(given, type) else type(given).__name__
        raise ParameterError(
            f"detector is {kind}; give a name such as 'auto', or a detector object"
        )
    _check_options(options)
    own, usual = given.config(), _shared(FitOptions())
    if "speed" not in own and options.speed != usual["speed"]:
        raise ParameterError(f"{given.name} has no speed to choose; leave speed out")
    for name, value in _shared(options).items():
        if value not in (usual[name], own.get(name, usual[name])):
            raise ParameterError(
                f"{name} is {value!r}, but the {given.name} given has {own.get(name, 'none')!r}; set it there"
            )
    copy = type(given)(**own)
    copy.cache, copy.resources = given.cache or store, given.resources
    copy.weights = given.weights
    return copy


def _with_weights(detector: Detector, weights: Path | None) -> Detector:
    """Return the detector with a file of weights for its backbone; ParameterError where it can have none."""
    if weights is not None:
        backbone = getattr(detector, "backbone", None)
        if not isinstance(backbone, str):
            raise ParameterError(f"{detector.name} has no backbone to choose; leave weights out")
        check_weights(backbone, weights)
        detector.weights = weights
    return detector


def _check_options(options: FitOptions) -> None:
    check_settings(vars(options))
    find_speed(options.speed)  # refuses names that are none
    n_normals_needed(options.false_reject_rate, options.confidence)  # refuses rates outside (0, 1)
    if options.miss_rate is not None:
        check_share("miss rate", options.miss_rate)


def _shared(options: FitOptions) -> dict[str, str | int]:
    """Return the settings that several detectors have."""
    return {
        "backbone": options.backbone,
        "size_px": options.size_px,
        "n_tiles": options.n_tiles,
        "speed": options.speed,
        "seed": options.seed,
    }


def _readable_part(
    train: Dataset, options: FitOptions, progress: Progress
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images that can be read where others are to be skipped, and which those are."""
    if not options.skip_unreadable:
        return train, ()
    unreadable = find_unreadable(train, progress)
    notes = tuple(f"left out, cannot be read: {reason}" for reason in unreadable.values())
    return keep_readable(train, unreadable), notes


def _with_groups(
    detector: Detector,
    train: Dataset,
    images: ImageSource,
    options: FitOptions,
    progress: Progress,
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images with the groups that the detector is told of, and what to say of them."""
    if "groups" in signature(detector.fit).parameters:
        return (
            with_found_groups(train, images, progress) if options.group_by is None else (train, ())
        )
    if train.groups is None:
        return train, ()
    note = f"{detector.name} takes no groups: their images count as if they had none"
    return group_by(train, NONE), (note,)


def _confirmed(dataset: Dataset) -> Dataset:
    """Return the data set with unlabeled images called good, as a person says they are."""
    samples = tuple(
        replace(sample, label=Label.NORMAL) if sample.label is Label.UNLABELED else sample
        for sample in dataset.samples
    )
    return replace(dataset, samples=samples)


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
