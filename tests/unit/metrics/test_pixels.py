import math

import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.metrics import PixelMetrics, aupro, pixel_auroc, pixel_metrics


def _mask(*squares, shape=(20, 20)):
    mask = np.zeros(shape, dtype=bool)
    for y, x, size in squares:
        mask[y : y + size, x : x + size] = True
    return mask


MASKS = [_mask((2, 2, 8), (15, 15, 2)), _mask(), _mask((0, 0, 3), shape=(9, 14))]


def test_a_perfect_map_gives_one():
    maps = [m.astype(np.float32) for m in MASKS]

    assert pixel_auroc(maps, MASKS) == pytest.approx(1.0, abs=1e-12)
    assert aupro(maps, MASKS) == pytest.approx(1.0, abs=1e-12)


def test_a_map_the_wrong_way_round_gives_zero():
    maps = [-m.astype(np.float32) for m in MASKS]

    assert pixel_auroc(maps, MASKS) == 0.0
    assert aupro(maps, MASKS) == 0.0


def test_a_constant_map_is_chance_and_its_overlap_rises_with_the_false_positives():
    maps = [np.ones(m.shape, dtype=np.float32) for m in MASKS]

    assert pixel_auroc(maps, MASKS) == 0.5
    assert aupro(maps, MASKS, 0.3) == pytest.approx(0.15)
    assert aupro(maps, MASKS, 1.0) == pytest.approx(0.5)


def test_every_region_counts_the_same_whatever_its_size():
    """Only the small one of two regions is found: half the overlap, 4 of 68 pixels."""
    mask = MASKS[0]
    found = _mask((15, 15, 2)).astype(np.float32)
    normal_share = 0.3 * (~mask).sum()  # below: what passes with the lowest score
    curve_end = 0.5 + 0.5 * normal_share / (~mask).sum()

    assert aupro([found], [mask], 0.3) == pytest.approx((0.5 + curve_end) / 2)
    assert pixel_auroc([found], [mask]) == pytest.approx(0.5 + 0.5 * 4 / 68)


def test_pixels_that_touch_at_a_corner_are_one_region():
    mask = np.zeros((6, 6), dtype=bool)
    mask[[0, 1, 4], [0, 1, 5]] = True  # two regions: of two pixels, and of one
    found = np.zeros((6, 6), dtype=np.float32)
    found[4, 5] = 1.0

    assert aupro([found], [mask], 1e-9) == pytest.approx(0.5)


def test_the_curve_is_interpolated_at_max_fpr():
    """One defect ties with half of ten normals; the step from (0, 0) to (.5, 1) is cut at .25."""
    scores = np.array([[1.0] * 6 + [0.0] * 5], dtype=np.float32)
    mask = np.array([[True] + [False] * 10])

    assert aupro([scores], [mask], 0.25) == pytest.approx(0.25)
    assert aupro([scores], [mask], 0.5) == pytest.approx(0.5)
    assert aupro([scores], [mask], 1.0) == pytest.approx(0.75)


def test_negative_zero_ties_with_zero():
    scores = np.array([[0.0, -0.0]], dtype=np.float32)

    assert pixel_auroc([scores], [np.array([[True, False]])]) == 0.5
    assert pixel_auroc([scores], [np.array([[False, True]])]) == 0.5


def test_infinite_scores_are_ranked():
    scores = np.array([[np.inf, 0.0, -np.inf]], dtype=np.float32)

    assert pixel_metrics([scores], [np.array([[True, False, False]])]) == PixelMetrics(1.0, 1.0)


@pytest.mark.parametrize("fill", [True, False])
def test_without_defective_or_normal_pixels_both_are_nan(fill):
    result = pixel_metrics([np.ones((3, 4), np.float32)], [np.full((3, 4), fill)])

    assert math.isnan(result.auroc)
    assert math.isnan(result.aupro)


def test_no_images_are_nan():
    assert math.isnan(pixel_auroc([], []))


def test_the_parts_agree_with_the_whole():
    rng = np.random.default_rng(0)
    maps = [rng.random(m.shape, dtype=np.float32) for m in MASKS]

    assert pixel_metrics(maps, MASKS, 0.1) == PixelMetrics(
        pixel_auroc(maps, MASKS), aupro(maps, MASKS, 0.1)
    )


def test_one_array_of_images_and_strided_ones_are_as_good_as_a_list():
    rng = np.random.default_rng(1)
    maps = rng.random((5, 8, 9), dtype=np.float32)
    masks = rng.random((5, 8, 9)) < 0.2
    expected = pixel_metrics([m.copy() for m in maps], [m.copy() for m in masks])

    assert pixel_metrics(maps, masks) == expected
    turned = pixel_metrics([m.T for m in maps], [m.T for m in masks])
    assert turned.auroc == expected.auroc
    assert turned.aupro == pytest.approx(expected.aupro, abs=1e-12)


class _Lazy:
    """Counts how often an image is asked for."""

    def __init__(self, images):
        self.images, self.reads = images, [0] * len(images)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.images[index]


def test_maps_are_read_once_and_those_of_defective_images_twice():
    maps = _Lazy([m.astype(np.float32) for m in MASKS])

    pixel_metrics(maps, MASKS)

    assert maps.reads == [2, 1, 2]


def test_inputs_are_not_changed():
    rng = np.random.default_rng(2)
    maps = [rng.random(m.shape, dtype=np.float32) for m in MASKS]
    before = [m.copy() for m in maps]
    for array in (*maps, *MASKS):
        array.setflags(write=False)

    pixel_metrics(maps, MASKS)

    for array, copy in zip(maps, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def _with_nan():
    scores = np.zeros((2, 2), np.float32)
    scores[1, 0] = np.nan
    return scores


@pytest.mark.parametrize("fill", [True, False])
@pytest.mark.parametrize(
    ("scores", "shape", "dtype", "message"),
    [
        (np.zeros((2, 2)), (2, 2), bool, "map 1 is float64"),
        (np.zeros((2, 2), np.float32), (2, 2), np.uint8, "its mask uint8"),
        (np.zeros((2, 2), np.float32), (2, 3), bool, r"\(2, 2\) and its mask \(2, 3\)"),
        (np.zeros((1, 2, 2), np.float32), (1, 2, 2), bool, r"expected one \(h, w\)"),
        (np.zeros((0, 2), np.float32), (0, 2), bool, "at least one pixel"),
        (_with_nan(), (2, 2), bool, "map 1 holds NaN"),
    ],
)
def test_bad_images_are_named(scores, shape, dtype, message, fill):
    good = np.zeros((2, 2), np.float32), np.array([[True, False], [False, False]])

    with pytest.raises(ParameterError, match=message):
        pixel_metrics([good[0], scores], [good[1], np.full(shape, fill, dtype=dtype)])


@pytest.mark.parametrize("max_fpr", [0.0, -0.1, 1.1, math.nan])
def test_max_fpr_out_of_range_is_named(max_fpr):
    with pytest.raises(ParameterError, match="max_fpr is"):
        aupro([np.zeros((2, 2), np.float32)], [np.eye(2, dtype=bool)], max_fpr)


def test_a_missing_mask_is_not_taken_for_an_empty_one():
    with pytest.raises(ParameterError, match="map 0 is float32 and its mask object"):
        pixel_metrics([np.zeros((2, 2), np.float32)], [None])
    with pytest.raises(ParameterError, match="2 maps and 1 masks"):
        pixel_metrics([np.zeros((2, 2), np.float32)] * 2, [np.eye(2, dtype=bool)])
