"""False-reject rates to choose from, counted on the images of the review."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.domain import HeldOutScores, ParameterError
from defectory.workflows.calibrated import load_calibrated


def test_the_usual_rates_are_there_and_the_present_one_is_marked(project):
    found = project.thresholds()
    assert [option.false_reject_rate for option in found.options] == [
        0.001,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
    ]
    assert [o.false_reject_rate for o in found.options if o.is_current] == [0.01]
    scores = [image.score for image in project.find().images]
    for option in found.options:
        assert option.n_rejected == sum(score > option.threshold for score in scores)


def test_recall_is_counted_on_defects_that_were_held_out(taught):
    taught.accept()
    found = taught.thresholds()
    assert (found.defects, found.n_defects) == ("held_out", 5)
    recall = found.options[2].recall
    assert recall.lower <= recall.value <= recall.upper


def test_without_such_defects_those_of_the_review_count(project):
    assert project.thresholds().defects in ("simulated", "none")
    project.label(1, "defective", who="anna")
    found = project.thresholds()
    assert (found.defects, found.n_defects) == ("unlearned", 1)
    assert found.options[0].recall.value == 1


def test_another_rate_is_another_version_with_the_same_scores(project):
    scores = [image.score for image in project.find().images]
    project.label(1, "defective", who="anna")
    project.set_false_reject_rate(0.03)
    overview = project.overview()
    assert (overview.bundle.version, overview.bundle.promised.false_reject_rate) == (2, 0.03)
    assert overview.n_new_labels == 1
    assert [image.score for image in project.find().images] == scores
    assert project.anomaly_map(1) is not None
    assert 0.03 in [option.false_reject_rate for option in project.thresholds().options]
    model = load_calibrated(project.bundle_path())
    assert model.promise.false_reject_rate == 0.03
    assert model.threshold.value == overview.bundle.threshold
    project.set_false_reject_rate(0.03)
    assert len(project.history()) == 2
    assert project.teach(use_cache=False).version == 3


def test_an_estimate_is_offered_beside_a_promise_and_can_be_had_back(project):
    model = load_calibrated(project.bundle_path())
    n = 400
    held_out = HeldOutScores.of(
        np.random.default_rng(0).normal(size=n), is_confirmed=np.arange(n) < 350
    )
    model = replace(model, bundle=replace(model.bundle, calibration=held_out))
    path = project.bundle_path()
    model.save(path, overwrite=True)
    options = [o for o in project.thresholds().options if o.false_reject_rate == 0.01]
    assert [(o.is_promised, o.prefers_estimate) for o in options] == [(True, False), (False, True)]
    project.set_false_reject_rate(0.01, prefers_estimate=True)
    assert load_calibrated(project.bundle_path()).threshold.basis == "estimated"
    assert project.overview().bundle.promised.basis == "estimated"
    (current,) = (o for o in project.thresholds().options if o.is_current)
    assert (current.prefers_estimate, current.threshold) == (True, options[1].threshold)
    project.set_false_reject_rate(0.01)
    assert load_calibrated(project.bundle_path()).threshold.basis == "promised"
    assert [(v.origin, v.false_reject_rate, v.basis) for v in project.history()[1:]] == [
        ("rate", 0.01, "estimated"), ("rate", 0.01, "promised"),
    ]  # fmt: skip


def test_a_rate_that_good_images_are_too_few_for_is_not_told_as_promised(project):
    project.set_false_reject_rate(0.02)
    last = project.history()[-1]
    assert (last.origin, last.false_reject_rate, last.basis) == ("rate", 0.02, "short")


def test_a_rate_out_of_range_is_refused(project):
    for wrong in (0.0, 1.0, float("nan")):
        with pytest.raises(ParameterError):
            project.set_false_reject_rate(wrong)
    assert len(project.history()) == 1


def test_a_new_rate_rejects_what_waits(taught):
    taught.set_false_reject_rate(0.05)
    assert taught.proposal() is None
    assert taught.overview().bundle.version == 3
    assert taught.history()[1].why == "threshold"
