"""Grids against naive loops and scipy.ndimage."""

import numpy as np
import pytest
from scipy import ndimage

from defectory.detectors.grids import interpolation_matrix, smoothing_matrix, stack_stages
from tests.reference.field_twins import slow_stack


@pytest.mark.parametrize("side", [4, 8, 16])
def test_stacking_equals_the_loop(side):
    rng = np.random.default_rng(0)
    sides = {"fine": 16, "same": 8, "coarse": 4, "coarsest": 2}
    features = {
        name: rng.normal(size=(n, n, c)).astype(np.float32)
        for c, (name, n) in enumerate(sides.items(), start=1)
    }
    stages = ("coarsest", "fine", "same", "coarse")
    stacked = stack_stages(features, stages, side)
    assert stacked.dtype == np.float32
    np.testing.assert_allclose(stacked, slow_stack(features, stages, side), atol=1e-5)


@pytest.mark.parametrize(("n_from", "n_to"), [(1, 4), (4, 16), (16, 64), (8, 24), (5, 7)])
def test_interpolation_equals_scipy_zoom(n_from, n_to):
    line = np.random.default_rng(0).normal(size=n_from)
    zoomed = ndimage.zoom(line, n_to / n_from, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(interpolation_matrix(n_from, n_to) @ line, zoomed, atol=1e-5)


@pytest.mark.parametrize(("n", "sigma"), [(16, 1.5), (64, 1.5), (16, 6.0), (7, 0.3)])
def test_smoothing_equals_scipy_zoom_and_gaussian(n, sigma):
    cells = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
    matrix = smoothing_matrix(n, 4 * n, sigma)
    large = ndimage.zoom(cells.astype(float), 4, order=1, mode="nearest", grid_mode=True)
    truth = ndimage.gaussian_filter(large, sigma, mode="nearest", truncate=10)
    np.testing.assert_allclose(matrix @ cells @ matrix.T, truth, atol=1e-4)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
