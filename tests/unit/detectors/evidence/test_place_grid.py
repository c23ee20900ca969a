"""Places and the patches that share them."""

import numpy as np
import pytest

from defectory.detectors.evidence.place_grid import PlaceGrid

SHAPES = [(64, 64), (64, 128), (512, 512)]


@pytest.mark.parametrize(
    ("shape_px", "patches", "places"),
    [
        ((64, 64), (4, 4), (4, 4)),
        ((64, 128), (4, 8), (4, 8)),
        ((256, 256), (16, 16), (16, 16)),
        ((512, 512), (32, 32), (16, 16)),
        ((1024, 1024), (64, 64), (16, 16)),
        ((256, 4096), (16, 256), (4, 64)),
        ((4096, 256), (256, 16), (64, 4)),
    ],
)
def test_patches_share_places_where_there_are_many(shape_px, patches, places):
    grid = PlaceGrid.of(shape_px)
    assert (grid.patches, grid.places) == (patches, places)
    assert grid.n_places == places[0] * places[1]


def test_a_grid_that_cannot_be_halved_is_kept():
    assert PlaceGrid.of((528, 528)).places == (33, 33)


@pytest.mark.parametrize("shape_px", SHAPES)
def test_a_constant_is_spread_as_one(shape_px):
    grid = PlaceGrid.of(shape_px)
    found = grid.spread(np.full((2, grid.n_places), 3, np.float32))
    np.testing.assert_allclose(found, 3, rtol=1e-6)


def test_places_are_spread_where_they_are():
    values = np.random.default_rng(0).normal(size=(2, 16)).astype(np.float32)
    found = PlaceGrid.of((64, 64)).spread(values)
    np.testing.assert_array_equal(found, values.reshape(2, 4, 4))
    grid = PlaceGrid.of((512, 512))
    one = np.zeros((1, 256), np.float32)
    one[0, 16 * 3 + 9] = 1
    found = grid.spread(one)[0]
    peaks = np.argwhere(found == found.max())
    assert peaks.tolist() == [[6, 18], [6, 19], [7, 18], [7, 19]]
