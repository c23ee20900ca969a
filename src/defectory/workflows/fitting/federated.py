"""Statistics in place of pictures: plants that may not share images fit one detector together.

Each exports statistics of its own images; from those of all, one fits the detector. What leaves a plant is
listed, and bounded in bytes whatever the number of images. Only Gaussians go by this door: a memory of
patches is made of pieces of pictures.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from defectory import __version__
from defectory.artifacts import BUNDLE_FILE, Bundle, BundleFacts, LabelCounts, Promise, TrainingData
from defectory.artifacts.statistics_files import (
    STATISTICS_FILE,
    StatisticsFacts,
    read_facts,
    write_statistics,
)
from defectory.backbones.providers import runtime_version
from defectory.calibration import choose_threshold
from defectory.detectors.gaussian import Gaussian
from defectory.detectors.gaussian_normality import Measurements
from defectory.detectors.grouping import draw_whole_groups, together
from defectory.detectors.statistics import FitStatistics
from defectory.domain import (
    DataError,
    HeldOutScores,
    Label,
    NoProgress,
    ParameterError,
    Progress,
    check_settings,
    own_groups,
)
from defectory.sources import read_dataset
from defectory.storage import OutputFile, check_outputs, write_outputs
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.detectors import make_detector
from defectory.workflows.fitting.facts import now
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.part_files import find_places
from defectory.workflows.fitting.parts import Collection
from defectory.workflows.fitting.save import outputs_of, save_fit
from defectory.workflows.fitting.training_data import read_training_part, readable_part
from defectory.workflows.shards.membership import Shard

MIN_IMAGES = 30
"""Images, or groups of them where they are named, below which statistics could tell of single ones."""

N_MEASURED = 500
"""Images whose distances leave a plant, for the threshold of whoever has no images."""


@dataclass(frozen=True)
class ExportedStatistics:
    """What leaves a plant.

    Attributes
    ----------
    path : of the file
    n_images : that were passed over
    contents : name, shape and bytes of all there is in the file
    n_bytes : of the file
    notes : what is to be said of the images
    """

    path: Path
    n_images: int
    contents: tuple[tuple[str, tuple[int, ...], int], ...]
    n_bytes: int
    notes: tuple[str, ...]


def export_statistics(
    data: Path,
    path: Path,
    options: FitOptions | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ExportedStatistics:
    """Pass over the normal images of a data set, and write statistics that may leave the plant.

    Parameters
    ----------
    data : folder or manifest
    path : file to write
    options : the same at all plants; the detector has to be gaussian

    Raises
    ------
    DataError, ImageReadError : there are fewer than 30 normal images (or groups), or one cannot be read.
    ParameterError : a setting is out of range, or the detector is another one.
    OutputError : the file is there, lies in what is read, or cannot be written.
    """
    options, progress = options or FitOptions(), progress or NoProgress()
    detector = _shareable(options)
    dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
    outputs = [OutputFile(path, STATISTICS_FILE)]
    inputs = [data, *dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    train, notes = read_training_part(dataset, options)
    collection = Collection(train, detector)
    own, more = readable_part(collection.take(collection.part(Shard(0, 1))), options, progress)
    groups = collection.groups_of(own)
    n_groups = len(np.unique(groups))
    if n_groups < MIN_IMAGES:
        unit = "groups of images" if n_groups < len(own) else "images"
        raise DataError(
            f"{data}: statistics of {n_groups} normal {unit} could tell of single ones; "
            f"at least {MIN_IMAGES} are needed before they leave"
        )
    detector.basis_ = {"noise": np.zeros(1, np.float32)}
    images = own.images()
    statistics = detector.collect(images, groups=groups, progress=progress)
    rng = np.random.default_rng(collection.seed)
    rows = draw_whole_groups(np.arange(len(own)), groups, N_MEASURED, rng)
    drawn = together(rows, groups)
    measured = detector.measure_left_out(
        statistics,
        replace(own, samples=tuple(own.samples[row] for row in drawn.tolist())).images(),
        groups=groups[drawn],
        progress=progress,
    )
    is_confirmed = (own.labels == Label.NORMAL)[drawn]
    statistics = replace(statistics, measured=_as_arrays(measured, is_confirmed, groups[drawn]))
    facts = msgspec.structs.replace(
        collection.facts(Shard(0, 1), by_content=True),
        n_images=len(own),
        n_confirmed=int((own.labels == Label.NORMAL).sum()),
    )
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        write_statistics(part, statistics, facts)
    contents = tuple((k, v.shape, v.nbytes) for k, v in statistics.arrays().items())
    return ExportedStatistics(path, len(own), contents, path.stat().st_size, (*notes, *more))


def fit_from_statistics(
    paths: Sequence[Path],
    bundle: Path,
    data: Path | None,
    options: FitOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> CalibratedDetector:
    """Fit one detector from the statistics of several plants, and write its bundle.

    Parameters
    ----------
    paths : files of `export_statistics`, each plant once
    bundle : to write
    data : images of one of these plants, which the threshold is fitted on, exactly left out; None where there
        are none: then it rests on what the plants measured, each by its own model. Distrusted images are
        listed beside the bundle, see `save_fit`
    options : promise, and how images are told apart; detector and size are those of the statistics

    Raises
    ------
    DataError : a file is missing, damaged, there twice or of other settings, or none is of `data`.
    OutputError : said before the fit where bundle or suspects are there, lie in what is read, or cannot be
        written.
    """
    progress = progress or NoProgress()
    dataset, outputs, inputs = None, [OutputFile(bundle, BUNDLE_FILE)], [*paths]
    if data is not None:
        dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
        outputs, inputs = [*outputs_of(bundle)], [*paths, data, *dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    facts = [read_facts(path) for path in paths]
    for path, known in zip(paths, facts, strict=True):
        if known.detector != Gaussian.name or known.n_images < MIN_IMAGES:
            raise DataError(f"{path} holds no statistics that fit --export-statistics wrote")
    detector = _detector_of(paths[0], facts[0])
    detector.weights = options.weights
    if dataset is not None:
        own = replace(options, detector=detector, size_px=detector.size_px)
        result: FitResult = fit_dataset(dataset, own, parts=paths, progress=progress)
        save_fit(result, bundle, overwrite=overwrite)
        return result.model
    model = _fit_measured(paths, facts, detector, options)
    model.save(bundle, overwrite=overwrite)
    return model


def _shareable(options: FitOptions) -> Gaussian:
    """Return the detector of the options, without what plants would have to agree upon first."""
    detector = make_detector(options, None)
    if not isinstance(detector, Gaussian):
        raise ParameterError(
            f"statistics of {detector.name} would hold pieces of pictures; take --detector gaussian"
        )
    return Gaussian(**{**detector.config(), "denoise": False})


def _detector_of(path: Path, facts: StatisticsFacts) -> Gaussian:
    """Return the detector that statistics are of, not fitted; DataError where its settings are none."""
    try:
        detector = Gaussian(**facts.config)
        check_settings(detector.config())
        _ = detector.view
    except (TypeError, ParameterError) as error:
        raise DataError(
            f"{path} is of settings that this version does not know: {error}"
        ) from error
    return detector


def _fit_measured(
    paths: Sequence[Path], facts: Sequence[StatisticsFacts], detector: Gaussian, options: FitOptions
) -> CalibratedDetector:
    parts = find_places(paths, None)
    held_out, measured = HeldOutScores.of([]), []
    for part in parts:
        measured.append(_from_arrays(part))
        held_out = held_out.join(_known_of(part))
    detector.fit_measured(parts, measured, held_out)
    promise = Promise(options.false_reject_rate, options.confidence, options.miss_rate)
    threshold = choose_threshold(detector.held_out_, promise.false_reject_rate, promise.confidence)
    n_images, n_confirmed = (
        sum(getattr(f, name) for f in facts) for name in ("n_images", "n_confirmed")
    )
    note = (
        f"fitted from statistics of {n_images:,} images at {len(parts)} places; the threshold rests on "
        f"{len(held_out):,} of them, each measured by the model of its own place: at a place, "
        "fit DATA --from-statistics ... fits one for it"
    )
    notes = (note, *(() if threshold.is_kept else (threshold.explain(),)))
    fingerprint = hashlib.sha256("".join(sorted(f.data for f in facts)).encode()).hexdigest()
    known = BundleFacts(
        defectory_version=__version__,
        created=now(),
        seed=detector.seed,
        weights=detector.backbone_.card.id,
        runtime=runtime_version(detector.backbone_.provider),
        data=TrainingData(fingerprint, "statistics", n_images),
        labels=LabelCounts(normal=n_confirmed, unlabeled=n_images - n_confirmed),
        notes=notes,
    )
    return CalibratedDetector(Bundle(detector, detector.held_out_, promise, known))


def _as_arrays(
    measured: Measurements, is_confirmed: np.ndarray, groups: np.ndarray
) -> dict[str, np.ndarray]:
    return {
        "cells": measured.cells.swapaxes(0, 1),
        "means": measured.means.swapaxes(0, 1),
        "lines": measured.lines.swapaxes(0, 1),
        "image": measured.image,
        "is_confirmed": is_confirmed.astype(np.int64),
        "groups": own_groups(len(groups), np.unique(groups, return_inverse=True)[1]),
    }


def _from_arrays(part: FitStatistics) -> Measurements:
    names = ("cells", "means", "lines")
    try:
        cells, means, lines = (
            np.ascontiguousarray(part.measured[name].swapaxes(0, 1)) for name in names
        )
        return Measurements(cells, means, lines, part.measured["image"])
    except KeyError as error:
        raise DataError(
            f"these are statistics of a part ({error} is missing); a place has to export its own:  "
            "defectory fit DATA --export-statistics FILE"
        ) from error


def _known_of(part: FitStatistics) -> HeldOutScores:
    n = len(part.measured["image"])
    zeros = np.zeros(n, np.float32)
    return HeldOutScores.of(
        zeros,
        zeros,
        is_confirmed=part.measured["is_confirmed"].astype(bool),
        groups=part.measured["groups"],
    )
