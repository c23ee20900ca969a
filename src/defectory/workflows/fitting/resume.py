"""A bundle of yesterday and the images of today: nothing of yesterday is read again.

What the bundle learned from is known by its statistics. Today's images are scored by the bundle before they
are learned: unlabeled ones that it rejects are not.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.artifacts import BUNDLE_FILE, BundleFacts
from defectory.artifacts.manifest import MAX_HASHES
from defectory.detectors.additive_fit import MAX_HELD_OUT
from defectory.detectors.base import Detector, held_out_from
from defectory.detectors.grouping import draw_whole_groups
from defectory.domain import (
    DataError,
    HeldOutScores,
    ImageSource,
    Label,
    NoProgress,
    ParameterError,
    Progress,
    own_groups,
)
from defectory.domain.images import ChosenImages
from defectory.sources import Dataset, read_dataset
from defectory.storage import OutputFile, check_outputs
from defectory.workflows.caching import kept_features
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.fitting.facts import as_many_as_fit, notes_of_new_threshold
from defectory.workflows.fitting.found_groups import with_found_groups
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.fitting.parts import additive
from defectory.workflows.fitting.training_data import read_training_part, readable_part


@dataclass(frozen=True)
class ResumedFit:
    """What came of today's images.

    Attributes
    ----------
    model : that has learned from them, too
    n_images, n_learned : of today; the others are labeled anomalous, or unlabeled and rejected
    doubted : names of unlabeled images that were not learned, the highest score first
    threshold_before : of image scores
    wall_s : seconds
    notes : what a person must know
    """

    model: CalibratedDetector
    n_images: int
    n_learned: int
    doubted: tuple[str, ...]
    threshold_before: float
    wall_s: float
    notes: tuple[str, ...]


def resume_fit(
    model: CalibratedDetector,
    data: Path | str | Dataset,
    options: FitOptions | None = None,
    *,
    progress: Progress | None = None,
) -> ResumedFit:
    """Learn from images that came after a fit.

    Parameters
    ----------
    model : it stays as it is
    data : images that it has not learned from; labeled anomalies among them teach nothing (see `update`)
    options : of them, how images are told apart counts, and whether the bundle's probes are kept; detector,
        promise and size are the bundle's

    Raises
    ------
    DataError, ImageReadError : the data cannot be used.
    ParameterError : the detector's fit does not add up, or these images were learned from before.

    Notes
    -----
    Scales of scores stay those of the first fit. Of the scores that the threshold is fitted on, old and new
    ones are kept in the proportion of the images that they stand for.
    """
    started = time.monotonic()
    options, progress = options or FitOptions(), progress or NoProgress()
    additive(model.bundle.detector)
    train, notes = read_training_part(data, options)
    train, more = readable_part(train, options, progress)
    contents = train.contents()
    _refuse_known(model, train, contents)
    images, labels = train.images(), train.labels
    if options.group_by is None:
        train, found = with_found_groups(train, images, progress, options.n_normals_needed)
        more = (*more, *found)
    groups = own_groups(len(train), train.groups)
    extended, new, doubted = _extend(model, images, labels, groups, progress)
    n_learned = int((labels != Label.ANOMALOUS).sum()) - len(doubted)
    facts = _extended_facts(model, train, contents, n_learned, len(doubted))
    if not options.keep_probes:
        model = CalibratedDetector(replace(model.bundle, probes=()))
    held_out = _in_proportion(model, new, n_learned + len(doubted))
    extended_model = _with_threshold(model, extended, held_out, facts)
    return ResumedFit(
        model=extended_model,
        n_images=len(train),
        n_learned=n_learned,
        doubted=tuple(train.samples[i].name for i in doubted.tolist()),
        threshold_before=model.threshold.value,
        wall_s=time.monotonic() - started,
        notes=(*notes, *more, *_notes_of_both(model.facts, extended_model.facts)),
    )


def _notes_of_both(before: BundleFacts, after: BundleFacts) -> tuple[str, ...]:
    """Return the notes of the extended bundle, such as are inherited as those of the fit before."""
    return tuple(
        f"the fit before: {note}" if note in before.notes else note for note in after.notes
    )


def _extend(
    model: CalibratedDetector,
    images: ImageSource,
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    progress: Progress,
) -> tuple[Detector, HeldOutScores, NDArray[np.intp]]:
    """Return the detector that learned what is good of these images, held-out scores, and what it doubts.

    The scores are of all images but labeled anomalies: of those it doubts, which it has not learned from, as
    it scores them. Doubted are unlabeled ones that the model rejects, the highest score first.
    """
    detector = model.bundle.detector
    with kept_features(False, progress) as store:  # exact, and today's alone
        detector.cache = detector.backbone_.cache = store
        try:
            scores = detector.score(images, progress=progress).image_scores
            is_doubted = (scores > model.threshold.value) & (labels == Label.UNLABELED)
            learned = np.flatnonzero((labels != Label.ANOMALOUS) & ~is_doubted)
            if not len(learned):
                raise DataError(f"none of {len(images)} images teaches what is normal")
            extended = additive(detector).extend(
                ChosenImages(images, learned), labels[learned], groups=groups[learned],
                progress=progress,
            )  # fmt: skip
            doubted = np.flatnonzero(is_doubted)
            seen = extended.score(ChosenImages(images, doubted), progress=progress)
        finally:
            detector.cache = detector.backbone_.cache = None
    extended.cache = None
    peaks = [float(heat.max()) for heat in seen.anomaly_maps or ()]
    others = held_out_from(
        images,
        doubted,
        seen.image_scores,
        np.array(peaks, np.float32),
        labels=labels,
        groups=groups,
    )
    return extended, extended.held_out_.join(others), doubted[np.argsort(-scores[doubted])]


def resume_to_bundle(
    known: Path,
    data: Path,
    bundle: Path,
    options: FitOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ResumedFit:
    """Learn from images that came after a fit, and write the bundle that comes of it; see `resume_fit`.

    Raises
    ------
    BundleError : there is no bundle, or it is damaged.
    OutputError : said before work starts where the bundle cannot be written; `known` is replaced only if that
        is what was asked for.
    """
    progress = progress or NoProgress()
    outputs = [OutputFile(bundle, BUNDLE_FILE)]
    dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
    inputs = [known, data, *dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    resumed = resume_fit(load_calibrated(known), dataset, options, progress=progress)
    resumed.model.save(bundle, overwrite=overwrite)
    return resumed


def _refuse_known(model: CalibratedDetector, train: Dataset, contents: Sequence[str]) -> None:
    known = model.known_contents
    again = [s.name for s, content in zip(train.samples, contents, strict=True) if content in known]
    if again:
        raise ParameterError(
            f"{len(again)} of {len(train)} images were learned from before, such as {again[0]}: they would "
            "count twice; give new ones alone"
        )


def _in_proportion(model: CalibratedDetector, new: HeldOutScores, n_today: int) -> HeldOutScores:
    """Return old and new scores, as many of each as they stand for images where they are too many.

    Parameters
    ----------
    new : of some of today's images
    n_today : images that these stand for
    """
    old = model.bundle.calibration
    n = len(old) + len(new)
    if n <= MAX_HELD_OUT:
        return old.join(new)
    share = n_today / (n_today + max(len(old), model.facts.data.n_images))
    n_new = min(len(new), max(1, round(MAX_HELD_OUT * share)))
    n_old = min(len(old), MAX_HELD_OUT - n_new)
    rng = np.random.default_rng([model.facts.seed, n])
    kept = [_draw(part, limit, rng) for part, limit in ((old, n_old), (new, n_new))]
    return kept[0].join(kept[1])


def _draw(part: HeldOutScores, limit: int, rng: np.random.Generator) -> HeldOutScores:
    """Return at most so many of the scores, about, of whole groups."""
    rows = np.arange(len(part) if limit else 0)
    return part.take(draw_whole_groups(rows, own_groups(len(part), part.groups), limit, rng))


def _extended_facts(
    model: CalibratedDetector,
    train: Dataset,
    contents: Sequence[str],
    n_learned: int,
    n_doubted: int,
) -> BundleFacts:
    facts, labels = model.facts, train.labels
    doubted = f"; {n_doubted:,} unlabeled ones were rejected and not learned" if n_doubted else ""
    note = f"fit resumed with {len(train):,} images: {n_learned:,} were learned{doubted}"
    counts = {
        label.name.lower(): getattr(facts.labels, label.name.lower()) + int((labels == label).sum())
        for label in Label
    }
    fitted = facts.data.fitted_hashes
    data = replace(
        facts.data,
        n_images=facts.data.n_images + len(train),
        image_hashes=(*fitted, *contents, *facts.data.image_hashes[len(fitted) :])[:MAX_HASHES],
        n_fitted_hashes=min(len(fitted) + len(contents), MAX_HASHES),
    )
    notes = as_many_as_fit((*facts.notes, note))
    return replace(facts, data=data, labels=replace(facts.labels, **counts), notes=notes)


def _with_threshold(
    model: CalibratedDetector, detector: Detector, held_out: HeldOutScores, facts: BundleFacts
) -> CalibratedDetector:
    detector.held_out_ = held_out
    bundle = replace(model.bundle, detector=detector, calibration=held_out, facts=facts)
    found = CalibratedDetector(bundle)
    notes = notes_of_new_threshold(facts, model.threshold, found.threshold)
    return CalibratedDetector(replace(bundle, facts=replace(facts, notes=notes)))
