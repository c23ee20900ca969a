"""The model that an update gives: what it holds out, its threshold, and its story."""

from dataclasses import replace

import numpy as np

from defectory.artifacts import Bundle, BundleFacts, UpdateRecord
from defectory.artifacts.manifest import MAX_HASHES
from defectory.detectors.base import Detector
from defectory.detectors.revision import Revision
from defectory.domain import DefectScores, HeldOutScores, Label
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.defect_scores import LEAST_LABELED
from defectory.workflows.fitting.facts import notes_of_new_threshold, now
from defectory.workflows.suspects import without_suspects
from defectory.workflows.updating.effects import left_out_images, measure_effect
from defectory.workflows.updating.new_labels import NewLabels


def revise_model(
    model: CalibratedDetector, revision: Revision, new: NewLabels
) -> CalibratedDetector:
    """Return what comes of a model by labels, with its threshold.

    Parameters
    ----------
    model : stays as it is
    revision : its detector, which has taken the labels
    new : the labels
    """
    detector = revision.detector
    facts = _revised_facts(model.facts, detector, new)
    revised = CalibratedDetector(
        Bundle(
            detector,
            _fair(detector, facts),
            model.promise,
            facts,
            _defects(model, revision, facts),
            probes=model.bundle.probes,
        )
    )
    revised = _agreeing(revision, model, _still_estimating(model, revised))
    notes = notes_of_new_threshold(facts, model.threshold, revised.threshold)
    facts = replace(facts, notes=notes)
    return CalibratedDetector(replace(revised.bundle, facts=facts))


def _fair(detector: Detector, facts: BundleFacts) -> HeldOutScores:
    """Return left-out scores among which images that were chosen for theirs do not count as confirmed.

    These are the highest of the good ones, and a promise made on them would be stricter than asked for. Where
    all others are confirmed they are left out; else an estimate goes by all. Where all images of the fit are
    confirmed there was nothing to choose among these.
    """
    held_out = detector.held_out_
    of_fit = np.isin(held_out.contents, facts.data.fitted_hashes)
    is_fair = ~np.isin(held_out.contents, facts.chosen)
    n_images = min(facts.data.n_images, len(set(facts.data.fitted_hashes)))  # copies are one
    n_known = int(of_fit.sum()) + max(facts.labels.anomalous, len(detector.left_out_defects_))
    if held_out.is_confirmed.all() and n_known >= n_images:
        is_fair |= of_fit
    if held_out.is_confirmed.all() and is_fair.any():
        return held_out.take(is_fair)
    return replace(held_out, is_confirmed=held_out.is_confirmed & is_fair)


def _still_estimating(model: CalibratedDetector, revised: CalibratedDetector) -> CalibratedDetector:
    """Return the model that estimates as before, also where confirmed images could decide now.

    What they promise is for a person to ask for: taken wherever it finds more, it would be taken where chance
    made it too low.
    """
    if not model.threshold.is_estimated:
        return revised
    return revised.with_false_reject_rate(revised.promise.false_reject_rate, prefers_estimate=True)


def _agreeing(
    revision: Revision, model: CalibratedDetector, revised: CalibratedDetector
) -> CalibratedDetector:
    """Return the model with the nearest estimate by which confirmed images are decided no worse than before.

    An estimate is as plausible anywhere in its interval: those newly confirmed choose, by scores of models
    that have not learned from them. Where none in it will do, the model stays as it is. The next update keeps
    the tail: it knows nothing of how these were decided.
    """
    interval, rate = revised.threshold.interval, revised.promise.false_reject_rate
    effect = measure_effect(revision, model, revised)
    if interval is None or not effect.why_worse(rate):
        return revised
    defects, good = (
        sorted((np.float32(image.after) for image in images), reverse=True)
        for images in left_out_images(revision, model, revised)
    )
    n_found, n_false = effect.n_found_before, effect.n_false_allowed(rate)
    # as close as float32 allows, on the side of the image's score that counts
    highest = np.nextafter(defects[n_found - 1], np.float32(-np.inf)) if n_found else np.inf
    lowest = np.nextafter(good[n_false], np.float32(np.inf)) if len(good) > n_false else -np.inf
    value = float(min(max(revised.threshold.value, lowest), highest))
    again = revised.with_estimate(min(max(value, interval[0]), interval[1]))
    return revised if measure_effect(revision, model, again).why_worse(rate) else again


def _defects(model: CalibratedDetector, revision: Revision, facts: BundleFacts) -> DefectScores:
    """Return scores of labeled defects; while they are few, simulated ones of before stand in for them."""
    scores, before = revision.detector.left_out_defects_, model.bundle.defects
    if len(scores) < LEAST_LABELED and before.is_simulated:
        return before
    labeled = {image.name for image in revision.confirmed if image.label == Label.ANOMALOUS}
    is_fair = labeled.isdisjoint(facts.chosen) and not facts.has_left_its_fit
    return DefectScores(scores, is_simulated=False, is_fair=is_fair)


def _revised_facts(facts: BundleFacts, detector: Detector, new: NewLabels) -> BundleFacts:
    """Return the facts with this update among them; evaluate must know the images it learned from."""
    revised = without_suspects(facts, set(new.contents))
    known = revised.data.image_hashes
    hashes = (*known, *sorted(set(new.contents) - set(known)))
    update = UpdateRecord(now(), len(new.contents), new.names)
    drawn = new.drawn if new.is_whole else frozenset()
    return replace(
        revised,
        data=replace(revised.data, image_hashes=hashes[:MAX_HASHES]),
        updates=(*revised.updates, update),
        chosen=tuple(sorted(new.chosen | (set(facts.chosen) - drawn)))[:MAX_HASHES],
        account=detector.account_ or revised.account,
    )
