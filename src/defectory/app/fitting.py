"""From a data set to a model with a threshold: options, what is learned from, what a person must know."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from inspect import signature
from pathlib import Path
from typing import Any

from defectory.app.exports import check_output
from defectory.app.fit_facts import describe_fit
from defectory.app.limits import Limits
from defectory.app.model import Model
from defectory.app.readable import find_unreadable, keep_readable
from defectory.app.suspects import SuspectImage, find_suspects, suspects_path, write_suspects
from defectory.artifacts import Bundle
from defectory.backbones import DEFAULT_BACKBONE, FeatureCache, user_cache_folder
from defectory.calibration import DEFAULT_CONFIDENCE, n_normals_needed
from defectory.detectors import DEFAULT_DETECTOR, DETECTORS, Detector
from defectory.domain import DataError, Label, NoProgress, ParameterError, Progress, check_settings
from defectory.sources import Dataset, read_dataset


@dataclass(frozen=True)
class FitOptions:
    """Settings of `fit`, as on the command line.

    Attributes
    ----------
    detector : name in the registry
    backbone : frozen backbone
    size_px, n_tiles : how images are shown to the backbone
    seed : of every random draw
    false_reject_rate, confidence : (0, 1), the promise of the threshold
    time_budget_s : > 0, or None; fewer images are learned from where all would take longer
    max_memory_bytes : > 0, or None; refused before work starts where the estimate is higher
    skip_unreadable : leave out images that cannot be read, and say which; else they are an error
    use_cache : keep features on disk for the next fit
    device : what networks are trained on: auto, cpu, cuda or cuda-bf16, see TrainingResources
    """

    detector: str = DEFAULT_DETECTOR
    backbone: str = DEFAULT_BACKBONE
    size_px: int = 256
    n_tiles: int = 1
    seed: int = 0
    false_reject_rate: float = 0.01
    confidence: float = DEFAULT_CONFIDENCE
    time_budget_s: float | None = None
    max_memory_bytes: int | None = None
    skip_unreadable: bool = False
    use_cache: bool = True
    device: str = "auto"


@dataclass(frozen=True)
class FitResult:
    """What `fit` gives back.

    Attributes
    ----------
    model : fitted
    n_images, n_normal, n_unlabeled, n_anomalous : what there was to learn from, by label
    n_learned : images that were learned from
    wall_s : seconds
    notes : what a person must know: images left out, promises that cannot be kept
    suspects : unlabeled images that were distrusted, oddest first
    account : what there was to learn from and what was done with it, in plain lines
    """

    model: Model
    n_images: int
    n_normal: int
    n_unlabeled: int
    n_anomalous: int
    n_learned: int
    wall_s: float
    notes: tuple[str, ...] = ()
    suspects: tuple[SuspectImage, ...] = ()
    account: tuple[str, ...] = ()


def fit(data: Path | str, *, progress: Progress | None = None, **options: Any) -> Model:
    """Return a model fitted on a folder or manifest: `fit_dataset` for a script or notebook.

    Parameters
    ----------
    data : folder (MVTec layout, labeled tree, or just images) or CSV/JSONL manifest
    options : the fields of FitOptions, such as detector="gaussian", false_reject_rate=0.01

    Raises
    ------
    ParameterError : an option that FitOptions does not have, or out of its range; see also `fit_dataset`.
    """
    known = {entry.name for entry in fields(FitOptions)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ParameterError(f"fit has no option {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return fit_dataset(data, FitOptions(**options), progress=progress).model


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
    detector = _make_detector(options)
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    train, notes = _training_part(dataset, options, progress)
    limits = Limits(options.time_budget_s, options.max_memory_bytes, options.device)
    limits.check_device(detector)
    limits.check_memory(detector, len(train))
    train, more = limits.keep_time(detector, train, options.seed, started)
    if detector.capabilities.needs_torch:
        detector.resources = limits.training_resources(detector, train, keep=options.use_cache)
    images = train.images()
    detector.fit(images, train.labels, train.masks(), progress=progress)
    suspects = find_suspects(detector, train)
    model = _calibrated(detector, train, suspects, options, (*notes, *more))
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
        notes=tuple(model.facts["notes"]),
        suspects=suspects,
        account=detector.account_,
    )


def check_fit_output(bundle: Path, *, overwrite: bool) -> None:
    """Refuse a bundle, or a list of suspects beside it, that cannot be written; OutputError."""
    check_output(bundle, overwrite=overwrite)
    check_output(suspects_path(bundle), overwrite=overwrite)


def save_fit(result: FitResult, bundle: Path) -> Path | None:
    """Write the bundle and, beside it, the images that the fit distrusted; return where these are.

    Returns
    -------
    None where nothing was distrusted; a list of an earlier fit is removed then

    Raises
    ------
    OutputError : a file cannot be written.
    """
    result.model.save(bundle)
    path = suspects_path(bundle)
    return path if write_suspects(result.suspects, path) else None


def _make_detector(options: FitOptions) -> Detector:
    if options.detector not in DETECTORS:
        raise ParameterError(
            f"no detector is named {options.detector!r}; there are {', '.join(DETECTORS)}"
        )
    check_settings(vars(options))
    n_normals_needed(options.false_reject_rate, options.confidence)  # refuses rates outside (0, 1)
    make: Callable[..., Detector] = DETECTORS[options.detector]
    settings = {
        "backbone": options.backbone,
        "size_px": options.size_px,
        "n_tiles": options.n_tiles,
        "seed": options.seed,
        "cache": FeatureCache(user_cache_folder() / "features") if options.use_cache else None,
    }
    known = signature(make).parameters
    if "n_tiles" not in known and options.n_tiles != 1:
        raise ParameterError(
            f"{options.detector} reads no tiles; leave --tiles out, or take --detector gaussian"
        )
    return make(**{name: value for name, value in settings.items() if name in known})


def _training_part(
    dataset: Dataset, options: FitOptions, progress: Progress
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images to learn from: the train split, or all where nothing is called train."""
    train = dataset.subset("train")
    if not len(train):
        train = dataset.subset("")
    if not len(train):
        raise DataError(
            f"{dataset.root}: every image belongs to the test split; "
            "put the images to learn from under train/ or give them split=train"
        )
    if not options.skip_unreadable:
        return train, ()
    unreadable = find_unreadable(train, progress)
    notes = tuple(f"left out, cannot be read: {reason}" for reason in unreadable.values())
    return keep_readable(train, unreadable), notes


def _calibrated(
    detector: Detector,
    train: Dataset,
    suspects: Sequence[SuspectImage],
    options: FitOptions,
    notes: tuple[str, ...],
) -> Model:
    calibration = {"scores": detector.held_out_scores_, "peaks": detector.held_out_peaks_}
    model = Model(Bundle(detector, calibration, {}), options.false_reject_rate, options.confidence)
    if not model.threshold.is_kept:
        notes = (*notes, model.threshold.explain())
    facts = describe_fit(detector, train, suspects, seed=options.seed, notes=notes)
    return replace(model, bundle=replace(model.bundle, facts=facts))
