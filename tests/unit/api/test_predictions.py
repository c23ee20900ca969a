"""A sequence, arrays, records and pictures of decisions."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

import defectory
from defectory import Gaussian
from defectory.api.images import NamedImages
from defectory.api.predictions import Predictions
from defectory.domain import ArrayImages, Decision, Region
from defectory.workflows.overlays import draw_overlay
from tests.pictures import save
from tests.unit.api.conftest import SIZE_PX


@pytest.fixture(scope="module")
def found(model, good, defects):
    return model.predict([*good[:2], *(image for image, _ in defects)])


def test_they_are_a_sequence_and_slices_are_predictions(found):
    assert isinstance(found, Sequence)
    assert found[-1] is list(found)[-1]
    tail = found[2:]
    assert type(tail) is Predictions
    assert tail.names == ("images[2]", "images[3]", "images[4]")
    assert tail.scores.tolist() == found.scores[2:].tolist()
    np.testing.assert_array_equal(np.asarray(tail.overlay(0)), np.asarray(found.overlay(2)))
    assert found[::-1].names[0] == "images[4]"
    with pytest.raises(IndexError):
        found[5]
    with pytest.raises(IndexError):
        found.overlay(5)


def test_records_are_json_and_columns(found):
    records = found.to_records()
    assert json.loads(json.dumps(records, allow_nan=False)) == records
    assert [row["image"] for row in records] == list(found.names)
    assert [row["is_anomalous"] for row in records] == [False, False, True, True, True]
    assert [row["n_regions"] for row in records] == [len(regions) for regions in found.regions]
    assert records[2]["regions"][0]["peak_score"] == found[2].regions[0].peak_score


def test_arrays_have_one_entry_an_image(found):
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == [0, 0, 1, 1, 1]
    assert repr(found) == "Predictions(5 images, 3 rejected)"


def test_maps_and_pictures_are_of_the_image_as_it_was_judged(model, found):
    heat = found.anomaly_map(-1)
    assert heat.ndim == 2
    assert heat.max() == found[-1].regions[0].peak_score > model.pixel_threshold
    assert found.anomaly_map(0).max() < heat.max()


def test_boxes_are_drawn_around_the_regions(found, defects):
    region = found[2].regions[0]
    picture = np.asarray(found.overlay(2))
    assert picture.shape == defects[0][0].shape
    bottom, right = region.y_px + region.height_px - 1, region.x_px + region.width_px - 1
    for y, x in ((region.y_px, region.x_px), (bottom, right)):
        assert picture[y, x].tolist() == [255, 255, 255]
    far = Region(40, 50, 20, 10, 1, 45, 55, 1.0)
    drawn = draw_overlay(np.full((96, 96, 3), 100, np.uint8), None, None, [far])
    rows, columns = np.nonzero((drawn == 255).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 59, 40, 59)
    assert (drawn[52:58, 42:58] == 100).all()


def test_an_accepted_image_has_no_box(model, found, good):
    assert not (np.asarray(found.overlay(0)) == 255).all(axis=2).any()
    assert np.asarray(found.overlay(0)).shape == good[0].shape


def test_the_notebook_shows_the_highest_scores_first_and_escapes_names(
    found, model, good, tmp_path
):
    page = found._repr_html_()
    assert page.count("<img") == 5
    order = [found.names[i] for i in np.argsort(-found.scores)]
    assert [page.index(name) for name in order] == sorted(page.index(name) for name in order)
    assert page.count("<b>rejected</b>") == 3
    images = [save(tmp_path / f"<script>{i}.png", good[0]) for i in range(10)]
    many = model.predict(images)
    page = many._repr_html_()
    assert "10 images" in page
    assert "the 8 highest scores are shown" in page
    assert "<script>" not in page


def test_a_file_that_is_gone_has_no_picture_and_keeps_its_row(model, good, tmp_path):
    path = save(tmp_path / "a.png", good[0])
    found = model.predict(path)
    path.unlink()
    page = found._repr_html_()
    assert "a.png" in page
    assert "<img" not in page


def test_p_values_say_how_unusual_an_image_is(found, model):
    held_out = model._calibrated.bundle.calibration.scores
    assert len(held_out) == 16
    expected = [(1 + (held_out >= score).sum()) / 17 for score in found.scores]
    assert found.p_values.tolist() == expected
    assert found.p_values[2:].tolist() == [1 / 17] * 3
    assert found.p_value_basis == "confirmed"
    records = found.to_records()
    assert [row["p_value"] for row in records] == expected
    assert {row["p_value_basis"] for row in records} == {"confirmed"}


def test_p_values_that_rest_on_unlabeled_images_are_named_estimates(good):
    with pytest.warns(defectory.DefectoryWarning, match="Estimated, not promised"):
        model = defectory.fit(good, detector=Gaussian(size_px=SIZE_PX))
    found = model.predict(good[:1])
    assert found.p_value_basis == found.to_records()[0]["p_value_basis"] == "estimated"


def test_discoveries_depend_on_the_batch(found):
    """The lowest p-value is 1/17: three of five images at once are at most .1 * 3/5 = .06, one is not."""
    assert found.discoveries(0.1).tolist() == [False, False, True, True, True]
    assert found[2:].discoveries(0.1).tolist() == [True, True, True]
    assert not found[1:3].discoveries(0.1).any()
    assert not found[:0].discoveries(0.1).any()
    with pytest.warns(
        defectory.DefectoryWarning, match="With 16 held-out good images none is poss"
    ):
        assert not found.discoveries(0.05).any()
    with pytest.raises(defectory.ParameterError, match="false discovery rate is 5; give a number"):
        found.discoveries(5)
    with pytest.raises(defectory.ParameterError, match="fdr is '5 %'; give a number"):
        found.discoveries("5 %")


def test_a_miss_rate_leaves_images_to_look_at(model, good, defects):
    """Simulated defects: half of them may be accepted, so that some good images are between."""
    images = [*good[:2], *(image for image, _ in defects)]
    other = model.with_miss_rate(0.05)
    accept = other.gray_zone.accept
    found = other.predict(images)
    assert found[0].accept_threshold == accept.value
    for decision, outcome in zip(found, found.outcomes, strict=True):
        between = accept.value <= decision.score <= other.threshold_
        assert (outcome == "review") == between
        assert (outcome == "rejected") == decision.is_anomalous
    rows = found.to_records()
    assert [row["outcome"] for row in rows] == list(found.outcomes)
    assert {row["accept_threshold"] for row in rows} == {accept.value}
    assert "outcome" not in model.predict(images).to_records()[0]


def test_images_to_look_at_are_said(model, good):
    decisions = [Decision(1.0, 2.0, False, accept_threshold=0.5), Decision(0.1, 2.0, False)]
    named = NamedImages(ArrayImages(good[:2]), ("a", "b"))
    found = Predictions(decisions, named, model._calibrated)
    assert found.outcomes == ("review", "accepted")
    assert repr(found) == "Predictions(2 images, 0 rejected, 1 to look at)"
    assert "<td>to look at</td>" in found._repr_html_()
    assert found.labels.tolist() == [0, 0]


def test_no_picture_is_drawn_before_it_is_asked_for(model):
    class Unreadable(ArrayImages):
        def read(self, indices):
            raise AssertionError

    decision = Decision(1.0, 2.0, False)
    named = NamedImages(Unreadable([np.zeros((8, 8, 3), np.uint8)]), ("a",))
    found = Predictions([decision], named, model._calibrated)
    assert len(found.to_records()) == len(found) == 1
    assert found[0] is decision
