"""A fitted model gets a threshold for good parts as they are now; nothing else is learned."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from defectory.artifacts import BUNDLE_FILE, BundleFacts, RecalibrationRecord
from defectory.artifacts.manifest import MAX_NAMES
from defectory.calibration.estimates import TAIL
from defectory.domain import HeldOutScores, NoProgress, Progress, own_groups
from defectory.domain.scores import finite_or_none
from defectory.sources import grouping
from defectory.sources.layouts import spell_out
from defectory.storage import OutputFile, check_outputs
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated, refuse_swapped
from defectory.workflows.fitting.facts import notes_of_new_threshold, now
from defectory.workflows.memory import MemoryNeed, plan_memory, within
from defectory.workflows.recalibrating.good_images import (
    GoodImages,
    check_good_images,
    read_good_images,
)
from defectory.workflows.recalibrating.results import Recalibration
from defectory.workflows.scoring.score import CHUNK, measure_images

if TYPE_CHECKING:
    from defectory.artifacts.probes import Probe

# None where so many are expected comes up with a probability below 5 %.
_SURPRISING = 3.0


def recalibrate_model(
    model: CalibratedDetector,
    good: GoodImages,
    *,
    keeps_old: bool = False,
    progress: Progress | None = None,
) -> Recalibration:
    """Return a model whose threshold is fitted on good images that it has not learned from.

    Parameters
    ----------
    model : stays as it is
    good : the images, see `check_good_images`
    keeps_old : the held-out scores of before stay beside the new ones; else they go, since parts that have
        changed have made them wrong

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    started = time.monotonic()
    fresh = _held_out(model, good, progress or NoProgress())
    calibration = model.bundle.calibration.join(fresh) if keeps_old else fresh
    bundle, promise = model.bundle, model.promise
    if not keeps_old:
        # confirmed images decide, whatever estimated before; defects were those of parts as they were
        promise = replace(promise, prefers_estimate=False, tail=TAIL)
        bundle = replace(bundle, defects=replace(bundle.defects, is_fair=False))
    found = CalibratedDetector(replace(bundle, calibration=calibration, promise=promise))
    probes = _renewed_probes(model, good, fresh, found.threshold.value)
    n_rejected_before = int((fresh.scores > model.threshold.value).sum())
    record = RecalibrationRecord(
        date=now(),
        n_images=len(fresh),
        n_rejected_before=n_rejected_before,
        keeps_old=keeps_old,
        threshold_before=finite_or_none(model.threshold.value),
        threshold=found.threshold.value,
    )
    facts = _revised_facts(model, found, record)
    return Recalibration(
        model=CalibratedDetector(replace(found.bundle, facts=facts, probes=probes)),
        n_images=len(fresh),
        n_rejected_before=n_rejected_before,
        n_rejected=int((fresh.scores > found.threshold.value).sum()),
        threshold_before=model.threshold,
        wall_s=time.monotonic() - started,
        notes=(
            *model.bundle.notes,
            *good.notes,
            *_missing_rejects(model, fresh, n_rejected_before),
        ),
    )


def recalibrate_bundle(
    bundle: Path,
    images: Sequence[Path],
    output: Path,
    *,
    keeps_old: bool = False,
    overwrite: bool = False,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
) -> Recalibration:
    """Fit a bundle's threshold anew on good images, and write the bundle that comes of it.

    Parameters
    ----------
    bundle : stays as it is
    images : files, folders, manifests and patterns; all images are taken as good but those labeled anomalous
    output : bundle to write, whole or not at all; must not exist unless it may be replaced
    keeps_old : see `recalibrate_model`
    good_words, bad_words : further labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`; None for what manifests say
    max_memory_bytes : > 0, of the process

    Raises
    ------
    ResourceError : it would need more memory than is allowed; nothing was scored.
    BundleError : there is no bundle, or it is damaged.
    ParameterError : `group_by` does not parse, or finds nothing in any name.
    DataError : there are no good images that it has not learned from, or one cannot be read.
    OutputError : the new bundle cannot be written.
    """
    progress = progress or NoProgress()
    refuse_swapped(bundle, images)
    outputs = [OutputFile(output, BUNDLE_FILE)]
    found = [path for given in images for path in spell_out(given)]
    check_outputs(outputs, inputs=[bundle, *found], overwrite=overwrite)
    dataset = read_good_images(found, good_words=good_words, bad_words=bad_words)
    dataset = grouping.group_by(dataset, group_by)
    inputs = [bundle, *found, *dataset.files()]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    model = load_calibrated(bundle)
    good = check_good_images(dataset, known_contents(model, keeps_old=keeps_old))
    need = _memory_need(model, len(good.contents))
    with within(plan_memory(max_memory_bytes, need, good.dataset.files())):
        result = recalibrate_model(model, good, keeps_old=keeps_old, progress=progress)
    result.model.save(output, overwrite=overwrite)
    return result


def known_contents(model: CalibratedDetector, *, keeps_old: bool) -> frozenset[str]:
    """Return contents of images that are no news: learned from, or of scores that are kept."""
    kept = model.bundle.calibration.contents if keeps_old else ()
    return frozenset((*model.facts.data.image_hashes, *kept))


def _held_out(model: CalibratedDetector, good: GoodImages, progress: Progress) -> HeldOutScores:
    scores, peaks = measure_images(model, good.dataset.images(), progress=progress)
    return HeldOutScores.of(
        scores,
        peaks,
        groups=own_groups(len(scores), good.dataset.groups),
        contents=good.contents,
    )


def _renewed_probes(
    model: CalibratedDetector, good: GoodImages, fresh: HeldOutScores, threshold: float
) -> "tuple[Probe, ...]":
    """Return small copies of good images as they are now, where the model keeps some of its fit."""
    if not model.bundle.probes:
        return ()
    from defectory.workflows.fitting.probes import draw_probes  # not every bundle keeps some

    images, scores = good.dataset.images(), fresh.scores.astype(np.float64)
    return draw_probes(images, range(len(images)), scores, threshold, seed=model.facts.seed)


def _missing_rejects(
    model: CalibratedDetector, fresh: HeldOutScores, n_rejected: int
) -> tuple[str, ...]:
    """Return what to say where good images that the line rejects seem to have been left out."""
    expected = model.threshold.expected_rate * len(np.unique(fresh.groups))
    if n_rejected or expected < _SURPRISING or not isfinite(model.threshold.value):
        return ()
    return (
        f"the threshold of before rejects none of the {len(fresh)} images, where about {expected:.0f} were "
        "to be expected: were good parts that were rejected left out? Then more than promised will be "
        "rejected; draw good parts at random, rejected ones too",
    )


def _revised_facts(
    before: CalibratedDetector, after: CalibratedDetector, record: RecalibrationRecord
) -> BundleFacts:
    facts = before.facts
    notes = notes_of_new_threshold(facts, before.threshold, after.threshold)
    records = (*facts.recalibrations, record)[-MAX_NAMES:]
    return replace(facts, notes=notes, recalibrations=records)


def _memory_need(model: CalibratedDetector, n_images: int) -> MemoryNeed:
    detector = model.bundle.detector
    return MemoryNeed(
        what=f"scoring {n_images} images with {detector.name}",
        fixed_bytes=detector.estimate_score_bytes(CHUNK),
        reader_bytes=detector.reader_bytes,
        advice="",
    )
