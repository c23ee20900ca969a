"""A recalibration replaces the scores that the threshold is fitted on, and nothing else."""

import json
from dataclasses import replace
from math import inf

import numpy as np
import pytest

from defectory.artifacts.probes import Probe
from defectory.domain import DataError, HeldOutScores, ResourceError
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.recalibrating.good_images import check_good_images, read_good_images
from defectory.workflows.recalibrating.recalibrate import known_contents, recalibrate_model
from tests.bundles import bundle_of
from tests.unit.workflows.brightness import HELD_OUT, Brightness, brightness_model, write_bright


def good_of(folder, values, model=None, *, keeps_old=False):
    given = read_good_images([write_bright(folder, values)])
    known = known_contents(model, keeps_old=keeps_old) if model else frozenset()
    return check_good_images(given, known)


def test_the_threshold_is_fitted_on_the_new_scores_alone(tmp_path):
    model = brightness_model()
    good = good_of(tmp_path, range(30, 130))  # more than are scored at once
    found = recalibrate_model(model, good)
    held_out = found.model.bundle.calibration
    np.testing.assert_array_equal(held_out.scores, np.arange(30, 130))
    np.testing.assert_array_equal(held_out.peaks, np.arange(30, 130) + 0.5)
    assert held_out.is_confirmed.all()
    assert len(np.unique(held_out.groups)) == 100
    assert held_out.contents == good.contents
    assert found.model.threshold.value == 129
    assert found.model.pixel_threshold == 129.5
    assert (found.threshold_before.value, model.threshold.value) == (40, 40)
    assert (found.n_images, found.n_rejected_before, found.n_rejected) == (100, 89, 0)
    assert found.model.bundle.detector is model.bundle.detector


def test_probes_are_of_parts_as_they_are_now_and_none_are_added(tmp_path):
    good = good_of(tmp_path, [30, 60, 90])
    assert recalibrate_model(brightness_model(), good).model.bundle.probes == ()
    model = brightness_model()
    old = (Probe(b"of before", "random"),)
    kept = CalibratedDetector(replace(model.bundle, probes=old))
    found = recalibrate_model(kept, good).model.bundle.probes
    assert sum(probe.origin != "simulated defect" for probe in found) == 3
    assert not set(found) & set(old)


def test_old_scores_stay_beside_the_new_ones_where_asked_for(tmp_path):
    model = brightness_model()
    found = recalibrate_model(model, good_of(tmp_path, [5, 60]), keeps_old=True)
    held_out = found.model.bundle.calibration
    np.testing.assert_array_equal(held_out.scores, [*HELD_OUT, 5, 60])
    np.testing.assert_array_equal(held_out.peaks, [*HELD_OUT, 5.5, 60.5])
    assert len(np.unique(held_out.groups)) == 42
    assert found.model.threshold.n_normals == 42


def test_images_whose_scores_are_kept_are_no_news(tmp_path):
    model = brightness_model()
    once = recalibrate_model(model, good_of(tmp_path, [5, 60])).model
    with pytest.raises(DataError, match="no good images"):
        good_of(tmp_path, [5, 60], once, keeps_old=True)
    assert len(good_of(tmp_path, [5, 60], once).contents) == 2


def test_groups_of_the_data_set_stay_together_and_apart_from_old_ones(tmp_path):
    write_bright(tmp_path, [1, 2, 3])
    (tmp_path / "list.csv").write_text("path,group\n000.png,a\n001.png,a\n002.png,\n")
    good = check_good_images(read_good_images([tmp_path / "list.csv"]), frozenset())
    found = recalibrate_model(brightness_model(), good, keeps_old=True)
    groups = found.model.bundle.calibration.groups
    assert groups[-3] == groups[-2] != groups[-1]
    assert len(np.unique(groups)) == 42


def test_a_detector_without_maps_has_no_peaks(tmp_path):
    found = recalibrate_model(brightness_model(has_maps=False), good_of(tmp_path, [5, 60]))
    assert len(found.model.bundle.calibration.peaks) == 0
    assert found.model.threshold.value == 60


def test_the_facts_tell_of_it_and_drop_what_was_said_of_the_old_threshold(tmp_path):
    said = brightness_model().threshold.explain()
    model = brightness_model(notes=("Something else.", said))
    found = recalibrate_model(model, good_of(tmp_path, range(200)))
    facts = found.model.facts
    assert facts.notes == ("Something else.", found.model.threshold.explain())
    (record,) = facts.recalibrations
    assert (record.n_images, record.n_rejected_before, record.keeps_old) == (200, 159, False)
    assert (record.threshold_before, record.threshold) == (40, 199)
    again = recalibrate_model(found.model, good_of(tmp_path, range(200)))
    assert len(again.model.facts.recalibrations) == 2
    kept = recalibrate_model(
        model.with_false_reject_rate(0.1), good_of(tmp_path / "more", range(100))
    )
    assert kept.model.threshold.is_kept
    assert kept.model.threshold.explain() not in kept.model.facts.notes


def test_a_model_without_a_threshold_gets_one(tmp_path):
    held_out = HeldOutScores.of([], [])
    bundle = bundle_of(Brightness())
    model = CalibratedDetector(type(bundle)(**{**vars(bundle), "calibration": held_out}))
    assert model.threshold.value == inf
    found = recalibrate_model(model, good_of(tmp_path, [3, 4]), keeps_old=True)
    assert found.model.threshold.value == 4
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (told["threshold_before"], told["threshold"], told["n_rejected_before"]) == (None, 4, 0)


def test_too_little_memory_is_said():
    from defectory.workflows.memory import plan_memory
    from defectory.workflows.recalibrating.recalibrate import _memory_need

    with pytest.raises(ResourceError, match="scoring 7 images with fake"):
        plan_memory(1, _memory_need(brightness_model(), 7), [])
