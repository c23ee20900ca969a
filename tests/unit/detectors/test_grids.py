import numpy as np
import pytest

from defectory.detectors.grids import interpolation_matrix, smoothing_matrix


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
