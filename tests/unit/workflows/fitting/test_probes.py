"""Which images a fit leaves in its bundle, how small, and none where none are wanted."""

import io

import numpy as np
import pytest
from PIL import Image

import defectory
from defectory.artifacts.probes import MAX_PROBES_BYTES, pack_probes
from defectory.domain import ArrayImages, HeldOutScores
from defectory.workflows.fitting.probes import draw_probes, probes_of_fit
from tests.pictures import disc


def decoded(probe):
    with Image.open(io.BytesIO(probe.png)) as picture:
        return picture.mode, np.asarray(picture.convert("RGB"))


def flat(values):
    """Images of one brightness each, by which they are told apart."""
    return ArrayImages([np.full((12, 10, 3), value, np.uint8) for value in values])


def test_the_nearest_to_the_threshold_and_the_highest_are_among_them():
    values = np.arange(100, 140)
    probes = draw_probes(flat(values), range(40), values.astype(float), 120.2, seed=0)
    by_origin = {}
    for probe in probes:
        by_origin.setdefault(probe.origin, []).append(int(decoded(probe)[1][0, 0, 0]))
    assert sorted(by_origin["near the threshold"]) == [118, 119, 120, 121, 122, 123]
    assert by_origin["highest"] == [139, 138, 137, 136]
    assert len(by_origin["random"]) == 6
    assert len(by_origin["simulated defect"]) == 6
    good = [
        value for origin, found in by_origin.items() if "defect" not in origin for value in found
    ]
    assert len(set(good)) == len(good)


def test_only_images_that_were_held_out_are_taken():
    images = flat([10, 20, 30])
    contents = ["a" * 12, "b" * 12, "c" * 12]
    held_out = HeldOutScores.of([1.0, 2.0], contents=["c" * 12, "a" * 12])
    probes = probes_of_fit(images, contents, held_out, 1.5, seed=0)
    found = {int(decoded(p)[1][0, 0, 0]) for p in probes if p.origin != "simulated defect"}
    assert found == {10, 30}
    assert probes_of_fit(images, ["d" * 12] * 3, held_out, 1.5, seed=0) == ()


def test_large_images_are_shrunk_and_the_whole_set_is_bounded():
    rng = np.random.default_rng(0)
    noise = ArrayImages([rng.integers(0, 256, (400, 900, 3), np.uint8) for _ in range(16)])
    probes = draw_probes(noise, range(16), np.arange(16.0), 15.0, seed=0)
    sizes = {max(decoded(probe)[1].shape) for probe in probes}
    assert sizes == {320, 224, 160}
    assert sum(len(probe.png) for probe in probes) <= MAX_PROBES_BYTES
    assert {probe.origin for probe in probes} >= {"near the threshold", "simulated defect"}
    pack_probes(probes)


def test_large_images_that_all_fit_are_fewer_where_they_are_too_large():
    rng = np.random.default_rng(0)
    noise = ArrayImages([rng.integers(0, 256, (320, 320, 3), np.uint8) for _ in range(16)])
    probes = draw_probes(noise, range(16), np.arange(16.0), 15.0, seed=0)
    assert 5 < len(probes) < 22


def test_gray_images_are_kept_in_one_channel_and_come_back_the_same():
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (30, 40, 1), np.uint8).repeat(3, axis=2)
    color = rng.integers(0, 256, (30, 40, 3), np.uint8)
    probes = draw_probes(ArrayImages([gray, color]), [0, 1], np.array([2.0, 1.0]), 2.0, seed=0)
    found = [decoded(probe) for probe in probes if probe.origin == "near the threshold"]
    assert [mode for mode, _ in found] == ["L", "RGB"]
    np.testing.assert_array_equal(found[0][1], gray)
    np.testing.assert_array_equal(found[1][1], color)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (3000, 2)])
def test_images_of_any_shape_can_be_kept(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    probes = draw_probes(ArrayImages([image]), [0], np.zeros(1), np.inf, seed=0)
    assert probes
    pack_probes(probes)


def test_the_same_fit_keeps_the_same_probes_and_none_where_none_are_wanted():
    rng = np.random.default_rng(0)
    images = [disc(rng, 40) for _ in range(6)]

    def fitted(**options):
        detector = defectory.Gaussian(size_px=32)
        with pytest.warns(defectory.DefectoryWarning):
            model = defectory.fit(
                images, assume_good=True, detector=detector, cache=False, **options
            )
        return model._calibrated.bundle.probes

    kept = fitted()
    assert len(kept) == 12
    assert fitted() == kept
    assert fitted(probes=False) == ()
