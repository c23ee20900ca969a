import numpy as np
import pytest

from defectory.detectors.evidence.spreading import spread

SIDE = 8


def _images(n=3, side=SIDE, width=5, seed=0):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(n, side, side)).astype(np.float32)
    return maps, rng.integers(-127, 128, (n, side * side, width)).astype(np.int8)


def _slowly(heat, looks):
    """What `spread` does to one map, a cell at a time."""
    side = len(heat)
    cells = [(y, x) for y in range(side) for x in range(side)]
    near = {
        (y, x): [
            (v, u)
            for v, u in cells
            if abs(v - y) <= 2 and abs(u - x) <= 2 and (v, u) != (y, x)
        ]
        for y, x in cells
    }  # fmt: skip
    look = {(y, x): looks[y * side + x].astype(float) for y, x in cells}
    apart = {
        (one, other): float(((look[one] - look[other]) ** 2).sum())
        for one in cells
        for other in near[one]
    }
    usual = np.median(list(apart.values()))
    walked = {cell: float(heat[cell]) for cell in cells}
    for _ in range(15):
        before = dict(walked)
        for one in cells:
            nearest = min(apart[one, other] for other in near[one])
            likely = [np.exp(-(apart[one, o] - nearest) / (0.15 * usual)) for o in near[one]]
            met = np.average([before[other] for other in near[one]], weights=likely)
            walked[one] = 0.05 * heat[one] + 0.95 * met
    found = [max(heat[cell], 1.5 * walked[cell]) - 0.25 * np.median(heat) for cell in cells]
    return np.array(found).reshape(side, side)


@pytest.mark.parametrize("side", [2, 5])
def test_a_walk_of_one_cell_at_a_time_comes_to_the_same(side):
    maps, described = _images(side=side)
    expected = [_slowly(*image) for image in zip(maps, described, strict=True)]
    np.testing.assert_allclose(spread(maps, described), expected, rtol=1e-4, atol=1e-4)


def _area(fill=60):
    """A map that found the border of an area, and the looks: all of the area is unlike the rest."""
    inside, border = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
    inside[1:6, 1:6] = True
    border[1:6, 1:6] = True
    border[2:5, 2:5] = False
    heat = np.where(border, np.float32(5), np.float32(0))
    rng = np.random.default_rng(1)
    looks = rng.integers(-5, 6, (SIDE * SIDE, 4)) + fill * inside.reshape(-1, 1)
    return heat[None], looks.astype(np.int8)[None], inside, border


def test_the_inside_of_an_area_is_raised_to_its_border_and_the_outside_is_not():
    heat, described, inside, border = _area()
    found = spread(heat, described)[0]
    assert found[inside & ~border].min() > 2.5
    assert found[~inside].max() < 0.5


def test_without_a_difference_in_looks_the_outside_is_raised_too():
    heat, described, inside, _ = _area(fill=0)
    assert spread(heat, described)[0][~inside].max() > 1


def test_what_is_the_same_everywhere_loses_a_quarter():
    described = np.zeros((2, SIDE * SIDE, 4), np.int8)
    maps = np.stack([np.full((SIDE, SIDE), level, np.float32) for level in (4, -4)])
    found = spread(maps, described)
    np.testing.assert_allclose(found[0], 1.5 * 4 - 0.25 * 4, rtol=1e-5)
    np.testing.assert_allclose(found[1], -4 + 0.25 * 4, rtol=1e-5)


def test_a_cell_that_is_like_none_of_its_neighbors_keeps_its_value():
    maps, described = np.zeros((1, SIDE, SIDE), np.float32), np.zeros((1, SIDE**2, 4), np.int8)
    maps[0, 3, 3], described[0, 3 * SIDE + 3] = 9, 127
    found = spread(maps, described)
    assert np.isfinite(found).all()
    assert found[0, 3, 3] == 9
    assert np.delete(found.ravel(), 3 * SIDE + 3).max() < 0.01


def test_maps_depend_on_no_other_and_are_left_as_they_were():
    maps, described = _images()
    before = maps.copy()
    found = spread(maps, described)
    assert (found.shape, found.dtype) == (maps.shape, np.float32)
    np.testing.assert_array_equal(maps, before)
    for i in range(len(maps)):
        np.testing.assert_array_equal(spread(maps[i : i + 1], described[i : i + 1])[0], found[i])
    assert spread(maps[:0], described[:0]).shape == (0, SIDE, SIDE)
