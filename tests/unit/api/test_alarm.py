"""`Model.alarm` and `Model.recalibrate`."""

import pickle
import warnings

import numpy as np
import pytest

import defectory
from tests.pictures import disc, relit


@pytest.fixture(scope="module")
def model(good):
    with pytest.warns(defectory.DefectoryWarning, match="needs 283 more good images"):
        return defectory.fit(good, ["good"] * len(good), detector=defectory.Gaussian(size_px=64))


@pytest.fixture(scope="module")
def fresh():
    rng = np.random.default_rng(7)
    return [disc(rng, 96) for _ in range(20)]


def test_an_alarm_sees_predictions_or_scores(model, fresh):
    by_scores, by_predictions = model.alarm(), model.alarm()
    by_scores.update(model.decision_function(fresh))
    by_predictions.update(model.predict(fresh))
    assert repr(by_scores) == repr(by_predictions) == "Alarm(quiet, 20 images seen)"
    assert by_scores.log_capital == by_predictions.log_capital
    assert (by_scores.is_ringing, by_scores.rang_at) == (False, None)
    assert by_scores.explain() == "The alarm is quiet after 20 images."


def test_it_goes_on_from_a_file(model, fresh, tmp_path):
    alarm = model.alarm(tmp_path / "line.json")
    assert alarm.n_seen == 0
    alarm.update(model.predict(fresh))
    alarm.save(tmp_path / "line.json")
    model.save(tmp_path / "m.defectory")
    alarm = defectory.load(tmp_path / "m.defectory").alarm(str(tmp_path / "line.json"))
    assert alarm.n_seen == 20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", defectory.DefectoryWarning)
        alarm.update(model.predict([relit(image) for image in fresh]))
    assert alarm.is_ringing
    assert 20 < alarm.rang_at <= 40
    assert "rings since image" in alarm.explain()
    assert "rings since image" in repr(alarm)
    alarm.save(tmp_path / "line.json")
    assert model.alarm(tmp_path / "line.json").rang_at == alarm.rang_at
    assert pickle.loads(pickle.dumps(alarm)).rang_at == alarm.rang_at


def test_an_alarm_of_another_model_and_other_files_are_refused(model, tmp_path):
    model.alarm().save(tmp_path / "line.json")
    with pytest.raises(defectory.DataError, match="watches another bundle"):
        model.with_false_reject_rate(0.3).alarm(tmp_path / "line.json")
    (tmp_path / "mine").write_text("x")
    with pytest.raises(defectory.OutputError, match="stays"):
        model.alarm().save(tmp_path / "mine")


@pytest.mark.parametrize("scores", [[["a"]], "words", [[1.0]], 1.0, [True]])
def test_what_is_no_score_is_refused(model, scores):
    with pytest.raises(defectory.ParameterError, match="give n numbers"):
        model.alarm().update(scores)
    with pytest.raises(defectory.ParameterError, match="nan"):
        model.alarm().update([1.0, float("nan")])


def test_recalibrate_returns_a_model_that_scores_alike_and_decides_otherwise(model, fresh, good):
    bright = [relit(image) for image in fresh]
    with pytest.warns(defectory.DefectoryWarning, match="needs 279 more good images"):
        later = model.recalibrate(bright)
    with pytest.warns(defectory.DefectoryWarning, match="another product, camera or light"):
        n_rejected = model.predict(bright).labels.sum()
    assert (later.decision_function(fresh) == model.decision_function(fresh)).all()
    assert later.threshold_ == later.decision_function(bright).max() > model.threshold_
    (record,) = later.facts["recalibrations"]
    assert (record["n_images"], record["threshold_before"]) == (20, model.threshold_)
    assert record["n_rejected_before"] == n_rejected
    assert model.facts["recalibrations"] == []
    assert pickle.loads(pickle.dumps(later)).threshold_ == later.threshold_


def test_recalibrate_adds_groups_and_leaves_out_what_was_learned_from(model, fresh, good):
    with pytest.warns(defectory.DefectoryWarning) as told:
        added = model.recalibrate([*good, *fresh], add=True, groups=[*range(16), *[99] * 20])
    assert any("16 of 36 images were learned from" in str(w.message) for w in told)
    assert added.threshold.n_normals == model.threshold.n_normals + 20
    assert added.threshold.n_groups == model.threshold.n_groups + 1
    with pytest.raises(defectory.DataError, match="no good images to fit a threshold on"):
        model.recalibrate(good)
    with pytest.raises(defectory.ParameterError, match="add is 1"):
        model.recalibrate(fresh, add=1)
