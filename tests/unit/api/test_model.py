"""The model as users of scikit-learn and PyOD know one."""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

import numpy as np
import pytest

import defectory
from defectory import Gaussian, Label
from defectory.domain import HeldOutScores, OutputError, ParameterError
from tests.pictures import disc, save
from tests.unit.api.conftest import SIZE_PX


def test_scores_decisions_and_labels_say_the_same(model, good, defects):
    images = [*good[:3], *(image for image, _ in defects)]
    scores = model.decision_function(images)
    found = model.predict(images)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, found.scores)
    np.testing.assert_array_equal(found.labels, scores > model.threshold_)
    assert model.threshold_ == model.threshold.value
    assert [decision.score for decision in found] == scores.tolist()
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert len(found[0].regions) == 0 < len(found[3].regions)


def test_one_picture_is_one_image(model, good, tmp_path):
    (score,) = model.decision_function(good[:1])
    path = save(tmp_path / "a.png", good[0])
    for one in (good[0], good[0][None], path, str(path), [path], tmp_path):
        assert model.decision_function(one).tolist() == [score]
    gray = good[0][:, :, 0]
    assert model.decision_function(gray).shape == (1,)
    np.testing.assert_array_equal(
        model.decision_function(gray), model.decision_function(np.stack([gray] * 3, axis=-1))
    )


def test_scores_do_not_depend_on_company_thread_or_chunk(model, good, defects, monkeypatch):
    images = [*good, *(image for image, _ in defects)]
    together = model.decision_function(images)
    one_by_one = [model.decision_function(image)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda image: model.predict(image)[0], images))
    monkeypatch.setattr("defectory.workflows.scoring.score.CHUNK", 4)
    assert together.tolist() == one_by_one == [decision.score for decision in at_once]
    assert model.predict(images)[:] != model.predict(images)  # other objects, the same decisions:
    assert list(model.predict(images)) == at_once


def test_images_that_look_like_another_product_are_said(model, good):
    odd = [255 - image for image in good[:8]]
    with pytest.warns(
        defectory.DefectoryWarning, match=r"8 of 8 images .* another product, camera"
    ):
        model.predict(odd)
    with pytest.warns(defectory.DefectoryWarning, match="8 of 8 images"):
        model.decision_function(odd)


def test_a_copy_is_the_same_model(model, good):
    expected = model.decision_function(good)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.decision_function(good), expected)
        assert repr(other) == repr(model)


def test_another_process_scores_alike(model, good, tmp_path):
    model.save(tmp_path / "m.defectory")
    np.save(tmp_path / "images.npy", np.stack(good))
    (tmp_path / "m.pickle").write_bytes(pickle.dumps(model))
    code = (
        "import os, pickle, sys, defectory, numpy as np; os.chdir(sys.argv[1])\n"
        "images = np.load('images.npy')\n"
        "for model in (defectory.load('m.defectory'), pickle.load(open('m.pickle', 'rb'))):\n"
        "    print(*(score.hex() for score in model.decision_function(images).tolist()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = [score.hex() for score in model.decision_function(good).tolist()]
    assert [line.split() for line in done.stdout.splitlines()] == [expected] * 2


def test_another_promise_moves_the_threshold_and_leaves_the_model(model, good):
    before = model.threshold_
    other = model.with_false_reject_rate(0.4)
    assert type(other) is defectory.Model
    assert other.threshold_ < before == model.threshold_
    np.testing.assert_array_equal(other.decision_function(good), model.decision_function(good))
    with pytest.raises(ParameterError, match=r"false-reject rate is 1\.5"):
        model.with_false_reject_rate(1.5)
    with pytest.raises(ParameterError, match="rate is '1 %'; give a number"):
        model.with_false_reject_rate("1 %")


def test_a_promise_on_defects_is_changed_without_a_fit_and_kept_in_the_bundle(model, tmp_path):
    assert model.gray_zone is None
    other = model.with_miss_rate(0.1)
    assert (other.gray_zone.accept.miss_rate, other.gray_zone.accept.basis) == (0.1, "estimated")
    assert other.threshold == model.threshold
    other.save(tmp_path / "m.defectory")
    loaded = defectory.load(tmp_path / "m.defectory")
    assert loaded.gray_zone == other.gray_zone
    assert loaded.with_false_reject_rate(0.3).gray_zone.accept == other.gray_zone.accept
    assert loaded.with_miss_rate(None).gray_zone is None
    with pytest.raises(ParameterError, match=r"miss rate is 1\.5; give a number between 0 and 1"):
        model.with_miss_rate(1.5)
    with pytest.raises(ParameterError, match="rate is '5 %'; give a number"):
        model.with_miss_rate("5 %")


def test_a_fit_warns_where_it_cannot_promise_of_defects(good, defects):
    images = [*good, *(image for image, _ in defects), *(255 - image for image in good[:4])]
    labels = ["good"] * len(good) + ["defect"] * 7
    with pytest.warns(defectory.DefectoryWarning) as caught:
        model = defectory.fit(images, labels, detector=Gaussian(size_px=SIZE_PX), miss_rate=0.05)
    accept = model.gray_zone.accept
    assert (accept.basis, accept.n_defects, accept.n_missing) == ("short", 7, 52)
    assert accept.explain() in [str(warning.message) for warning in caught]
    assert accept.explain() not in model.facts["notes"]


def test_saving_keeps_what_is_there_unless_told_otherwise(model, tmp_path):
    path = tmp_path / "m.defectory"
    model.save(str(path))
    before = path.read_bytes()
    other = model.with_false_reject_rate(0.3)
    with pytest.raises(OutputError, match=r"exists already; .* overwrite=True"):
        other.save(path)
    assert path.read_bytes() == before
    other.save(path, overwrite=True)
    assert defectory.load(path).threshold == other.threshold
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(OutputError):
        other.save(notes, overwrite=True)
    assert notes.read_text() == "mine"


def test_the_repr_is_short_and_says_what_is_promised(model):
    assert repr(model) == (
        f"Model(gaussian, 16 images, threshold {model.threshold_:.4g}, "
        "at most 17.1 % of good parts rejected)"
    )
    assert ", at most 30 % of good" in repr(model.with_false_reject_rate(0.3))


def test_a_model_without_good_images_rejects_nothing(good):
    class NoNormals(Gaussian):
        def fit(self, images, labels=None, masks=None, **more):
            super().fit(images, labels, masks, **more)
            self.held_out_ = HeldOutScores.of([])
            return self

    with pytest.warns(defectory.DefectoryWarning, match="No threshold"):
        model = defectory.fit(good, detector=NoNormals(size_px=SIZE_PX))
    assert model.threshold_ == inf
    assert repr(model) == "Model(gaussian, 16 images, threshold inf, nothing is rejected)"
    found = model.predict(good[:2])
    assert found.to_records()[0]["threshold"] is None
    assert found.overlay(0).size == (96, 96)


def test_evaluation_takes_what_fit_takes(model, good, defects, parts):
    images = [*good[:4], *(image for image, _ in defects)]
    masks = [None] * 4 + [mask for _, mask in defects]
    with pytest.warns(defectory.DefectoryWarning, match="4 of 7 images were learned from in fit"):
        found = model.evaluate(images, ["good"] * 4 + ["defect"] * 3, masks)
    assert found.metrics["image_auroc"] == 1
    assert found.metrics["pixel_auroc"] > 0.8
    assert [sample.name for sample in found.samples][:2] == ["images[0]", "images[1]"]
    assert repr(found).startswith("Evaluation(4 normal, 3 anomalous, image_auroc 1.000, ")
    of_folder = model.evaluate(parts)
    assert (of_folder.n_normal, of_folder.n_anomalous) == (3, 3)


def test_evaluation_takes_groups_of_images_that_belong_together(model, good, defects):
    images = [*good[:4], *(image for image, _ in defects)]
    labels, parts = ["good"] * 4 + ["defect"] * 3, ["a", "a", "b", "b", "c", "c", None]
    with pytest.warns(defectory.DefectoryWarning, match="learned from"):
        found = model.evaluate(images, labels, groups=parts)
    assert found.n_groups == 4
    assert found.explain_intervals() == (
        "Intervals resample 4 groups of images that belong together."
    )
    low, high = found.intervals["image_auroc"]
    assert low < 0.1  # two groups a class
    assert high == 1
    with pytest.raises(ParameterError, match="groups: 1 for 7 images"):
        model.evaluate(images, labels, groups=["a"])


def test_figures_need_labels(model, good):
    with pytest.raises(ParameterError, match="figures need labels; give one an image: 0 good, 1"):
        model.evaluate(good)


def test_an_update_gives_a_new_model_and_what_it_changed(good, defects):
    with pytest.warns(defectory.DefectoryWarning):
        model = defectory.fit(good, size=SIZE_PX)
    image, mask = defects[0]
    before = model.decision_function([*good, image])
    with pytest.warns(defectory.DefectoryWarning, match="Estimated, not promised"):
        update = model.update([good[0], image], ["ok", Label.ANOMALOUS], [None, mask])
    np.testing.assert_array_equal(model.decision_function([*good, image]), before)
    assert type(update.model) is defectory.Model
    assert update.threshold_before == model.threshold
    assert update.model.threshold != model.threshold
    assert update.model.facts["updates"][0]["n_labels"] == 2
    for flip in update.flips:
        assert flip.was_rejected != flip.is_rejected
    with pytest.raises(ParameterError, match="update takes labels; give one an image"):
        model.update([image])
    with pytest.raises(defectory.DataError, match="none of 1 rows has a label"):
        model.update([image], [None])
    assert len(pickle.loads(pickle.dumps(update.model)).decision_function(good)) == len(good)
    rng = np.random.default_rng(9)
    pictures = [disc(rng, 96) for _ in range(2)]
    with pytest.warns(defectory.DefectoryWarning):
        of_a_part = model.update(pictures, ["ok", "ok"], groups=["part 1", "part 1"]).model
    assert of_a_part.threshold.n_groups == of_a_part.threshold.n_normals - 1


def test_an_update_gives_what_the_command_line_gives(parts, tmp_path):
    with pytest.warns(defectory.DefectoryWarning):
        model = defectory.fit(parts, size=SIZE_PX)
    model.save(tmp_path / "m.defectory")
    files = [parts / "test/good/000.png", parts / "test/scratch/000.png"]
    table = tmp_path / "labels.csv"
    table.write_text(f"path,label\n{files[0]},normal\n{files[1]},anomalous\n")
    from defectory.workflows.updating.update import update_bundle

    other = update_bundle(tmp_path / "m.defectory", table, tmp_path / "new.defectory").model
    for given in ((files, [0, 1]), (table,)):
        with pytest.warns(defectory.DefectoryWarning):
            update = model.update(*given)
        assert update.model.threshold == other.threshold


def test_a_detector_that_takes_no_labels_says_so(model, good):
    with pytest.raises(ParameterError, match="gaussian takes no labels once it is fitted"):
        model.update(good[:1], [0])


def test_what_is_no_bundle_is_one_line(tmp_path):
    for path in (tmp_path, str(tmp_path / "none"), Path(__file__)):
        with pytest.raises(defectory.BundleError):
            defectory.load(path)


def test_a_provider_stays_with_a_model_and_its_copies_but_not_with_its_pickle(
    model, good, defects, tmp_path
):
    model.save(tmp_path / "a.defectory")
    other = defectory.load(tmp_path / "a.defectory", provider="openvino")
    assert (model.provider, other.provider) == ("cpu", "openvino")
    assert copy.deepcopy(other).provider == copy.copy(other).provider == "openvino"
    assert pickle.loads(pickle.dumps(other)).provider == "cpu"
    images = [*good[:3], *(image for image, _ in defects)]
    one, two = model.predict(images), other.predict(images)
    np.testing.assert_allclose(one.scores, two.scores, rtol=1e-4)
    assert one.labels.tolist() == two.labels.tolist()


def test_a_provider_is_one_of_those_there_are(model, tmp_path):
    model.save(tmp_path / "a.defectory")
    with pytest.raises(ParameterError, match="no provider is named 'gpu'"):
        defectory.load(tmp_path / "a.defectory", provider="gpu")
    with pytest.raises(ParameterError, match="provider is None; give text"):
        defectory.load(tmp_path / "a.defectory", provider=None)
