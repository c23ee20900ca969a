"""What `mapl` takes from `auto`: its views and its distrust, beside the head."""

import numpy as np
import pytest

from defectory.backbones import Backbone
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.detectors.auto import Auto
from defectory.detectors.mapl import Mapl
from defectory.domain import ArrayImages
from defectory.testing.pictures import defective, products

FAST = {"size_px": 64, "n_steps": 2, "n_memory": 3, "width": 0.25, "batch_size": 4}


def strips(pictures):
    """Four pictures side by side: four times as wide as high."""
    return ArrayImages([np.concatenate([picture] * 4, axis=1) for picture in pictures])


@pytest.fixture(scope="module")
def fitted():
    return Mapl(**FAST).fit(strips(products(12)))


def test_strips_keep_their_aspect_in_the_evidence_and_its_map(fitted):
    height, width = fitted.evidence_view_.whole_px
    assert width == 4 * height
    (heat,) = fitted.score(strips(products(1, seed=3))).anomaly_maps
    assert heat.shape == (height // 4, width // 4)


def test_the_graph_shows_the_image_in_both_ways(fitted):
    pytest.importorskip("spox", reason="needs the extra `export`")
    session = OnnxRuntimeSession(fitted.to_onnx(), "cpu", None)
    source = strips(defective()[:2])
    wanted = fitted.score(source)
    for image, score, heat in zip(
        source.read(range(2)), wanted.image_scores, wanted.anomaly_maps, strict=True
    ):
        found_score, found_heat = session.run({"image": image})
        assert found_score == pytest.approx(score, rel=1e-4)
        np.testing.assert_allclose(found_heat, heat, atol=1e-4 * np.abs(heat).max())


def test_without_a_weight_for_the_head_images_rank_as_by_auto():
    good, new = ArrayImages(products(12)), ArrayImages([*defective(), *products(8, seed=5)])
    alone = Auto(size_px=64).fit(good).score(new).image_scores
    beside = Mapl(**FAST, head_weight=0.0).fit(good).score(new).image_scores
    np.testing.assert_allclose(
        (beside - beside.mean()) / beside.std(), (alone - alone.mean()) / alone.std(), atol=1e-3
    )


@pytest.mark.thorough
def test_a_contaminated_folder_is_distrusted_as_by_auto():
    hidden = ArrayImages([*products(40), *defective()])
    suspects = [
        {suspect.index for suspect in detector.fit(hidden).suspects_}
        for detector in (Auto(size_px=64), Mapl(**FAST))
    ]
    assert suspects[0] == suspects[1]
    assert suspects[0] >= {40, 41, 42, 43}


def test_estimates_go_by_the_images_that_are_seen(fitted):
    """Long strips have more pixels than the squares that are expected of images unseen."""
    blind, seen = Mapl(**FAST), Mapl(**FAST)
    wide = ArrayImages([np.zeros((64, 1024, 3), np.uint8)] * 2)
    seen.look_at(wide)
    assert seen.reader_bytes > 3 * blind.reader_bytes
    assert seen.estimate_fit_bytes(3) > blind.estimate_fit_bytes(3)
    assert seen.estimate_score_bytes(3) > blind.estimate_score_bytes(3)
    fitted_again = Mapl(**FAST)
    fitted_again.look_at(strips(products(2)))
    assert fitted.reader_bytes == fitted_again.reader_bytes


def test_both_ways_to_read_an_image_are_timed(monkeypatch):
    """A time budget goes by it."""
    views = []
    extract = Backbone.extract

    def note(self, images, view, *args):
        views.append(view.whole_px)
        return extract(self, images, view, *args)

    monkeypatch.setattr(Backbone, "extract", note)
    assert Mapl(**FAST).time_reading(strips(products(2))) > 0
    assert set(views) == {(64, 64), (64, 256)}


def test_sizes_that_no_evidence_could_double_are_still_estimated():
    assert Mapl(size_px=2048).reader_bytes > 0
