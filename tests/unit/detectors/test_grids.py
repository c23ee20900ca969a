import numpy as np
import pytest

from defectory.detectors.grids import (
    interpolation_matrix,
    line_residuals,
    smoothing_matrix,
    touched_cells,
)


@pytest.mark.parametrize("n_from", [1, 2, 4, 5])
@pytest.mark.parametrize("n_to", [1, 4, 7, 16])
def test_interpolation_weights_are_shares(n_from, n_to):
    weights = interpolation_matrix(n_from, n_to)
    assert weights.shape == (n_to, n_from)
    assert weights.dtype == np.float32
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert ((weights > 0).sum(axis=1) <= 2).all()


def test_interpolation_of_two_cells_to_four():
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(interpolation_matrix(2, 4), expected)


def test_equal_sides_leave_values_alone():
    np.testing.assert_array_equal(interpolation_matrix(5, 5), np.eye(5, dtype=np.float32))


def test_a_line_stays_a_line_away_from_the_edges():
    spread = interpolation_matrix(8, 32) @ np.arange(8)
    np.testing.assert_allclose(np.diff(spread[2:-2]), 0.25, atol=1e-5)


def test_smoothing_keeps_constants_and_mirrors():
    matrix = smoothing_matrix(4, 16, 1.5)
    np.testing.assert_allclose(matrix @ np.ones(4), 1, atol=1e-6)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-6)
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 2


@pytest.mark.parametrize("g", [1, 2, 5, 16])
def test_line_residuals_are_what_medians_of_columns_and_rows_leave(g):
    grid = np.random.default_rng(0).normal(size=(g, g, 3)).astype(np.float32)
    smooth = np.empty_like(grid)
    for y, x in np.ndindex(g, g):
        near = [
            grid[min(max(y + dy, 0), g - 1), min(max(x + dx, 0), g - 1)]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        smooth[y, x] = np.mean(near, axis=0)
    found = line_residuals(grid)
    by_column, by_row = found[..., :3], found[..., 3:]
    for i in range(g):
        np.testing.assert_allclose(
            by_column[:, i], smooth[:, i] - np.median(smooth[:, i], axis=0), atol=1e-5
        )
        np.testing.assert_allclose(by_row[i], smooth[i] - np.median(smooth[i], axis=0), atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("shape", [(2048, 2048), (1000, 700), (64, 64), (40, 300)])
def test_a_thin_defect_is_not_lost_where_its_mask_is_made_smaller(shape):
    for start in range(0, shape[1], 1 + shape[1] // 9):
        mask = np.zeros(shape, bool)
        mask[:, start] = True
        found = touched_cells(mask, 64)
        assert found.shape == (64, 64)
        assert found.any(axis=1).all()
        assert 1 <= found.any(axis=0).sum() <= 2
    assert not touched_cells(np.zeros(shape, bool), 64).any()
