import numpy as np
import pytest

from defectory.detectors.evidence.cells import N_EVIDENCE, Cells, _mean_of_neighbors, evidence_of
from defectory.detectors.evidence.descriptors import STEP
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    SIDE,
    PlainNormality,
    features,
    measurements,
    standardized,
)

LISTED = features(60)
W = 6


def _cells(n=3, seed=4):
    rng = np.random.default_rng(seed)
    described = rng.integers(-127, 128, (n, N_CELLS, W)).astype(np.int8)
    return Cells(described, rng.normal(size=(n, N_CELLS, N_EVIDENCE)).astype(np.float32))


def _all_rows(cells):
    """Return (n, p, d), every row there is."""
    n, p = cells.described.shape[:2]
    images, places = np.divmod(np.arange(n * p), p)
    return cells.rows(images, places).reshape(n, p, -1)


def test_neighbors_are_averaged_with_edges_repeated():
    values = np.random.default_rng(0).normal(size=(3, N_CELLS)).astype(np.float32)
    found = _mean_of_neighbors(values)
    for n in range(3):
        grid = values[n].reshape(SIDE, SIDE)
        for at, (y, x) in enumerate(np.ndindex(SIDE, SIDE)):
            near = [
                grid[np.clip(y + dy, 0, SIDE - 1), np.clip(x + dx, 0, SIDE - 1)]
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
            assert found[n, at] == pytest.approx(np.mean(near), abs=1e-6)


def test_evidence_is_what_the_normality_model_says():
    normality, measured = standardized(LISTED)
    found = evidence_of(normality, measured)
    assert found.shape == (60, N_CELLS, N_EVIDENCE)
    assert found.dtype == np.float32
    z = normality.standardized_cells(measured)[:, :, 0].T
    np.testing.assert_allclose(found[:, :, 0], 3 * z, rtol=1e-6)
    np.testing.assert_allclose(found[:, :, 1], 3 * _mean_of_neighbors(z), rtol=1e-6)
    np.testing.assert_allclose(
        found[:, :, 2], 3 * np.tile(z.mean(axis=1, keepdims=True), N_CELLS), rtol=1e-5
    )
    for column, part in zip((3, 4), normality.map_parts(measured), strict=True):
        np.testing.assert_allclose(found[:, :, column], 3 * part[:, :, 0].T, rtol=1e-6)


def test_evidence_of_an_image_does_not_depend_on_the_others():
    normality, measured = standardized(LISTED)
    alone = [evidence_of(normality, measured.take(np.array([i]))) for i in range(len(measured))]
    np.testing.assert_array_equal(np.concatenate(alone), evidence_of(normality, measured))


def test_evidence_has_a_limit():
    odd = np.zeros((1, N_CELLS))
    odd[0, :2] = [1e6, -1e6]
    found = evidence_of(PlainNormality(), measurements(odd))
    np.testing.assert_array_equal(found[0, :3, 0], [120, -120, 0])
    assert np.abs(found).max() == 120


def test_a_row_is_looks_and_evidence():
    cells = _cells()
    found = cells.rows(np.array([2, 0, 2]), np.array([5, 1, 5]))
    assert (found.shape, found.dtype) == ((3, cells.n_columns), np.float32)
    assert cells.n_columns == W + N_EVIDENCE
    np.testing.assert_allclose(
        found[:, :W], STEP * cells.described[[2, 0, 2], [5, 1, 5]], rtol=1e-6
    )
    np.testing.assert_array_equal(found[:, W:], cells.evidence[[2, 0, 2], [5, 1, 5]])


def test_cells_in_context_know_their_image_but_not_how_odd_it_is():
    cells = _cells()
    found = _all_rows(cells.in_context())
    plain = _all_rows(cells)
    assert cells.in_context().n_columns == found.shape[2] == 2 * W + N_EVIDENCE - 1
    np.testing.assert_array_equal(found[:, :, :W], plain[:, :, :W])
    for cell in (0, N_CELLS - 1):
        np.testing.assert_allclose(
            found[:, cell, W : 2 * W], plain[:, :, :W].mean(axis=1), rtol=1e-5, atol=1e-5
        )
    np.testing.assert_array_equal(found[:, :, 2 * W :], plain[:, :, [W, W + 1, W + 3, W + 4]])


def test_a_hint_of_what_the_image_looks_like_leaves_all_else_as_it_is():
    cells = _cells()
    found, plain = _all_rows(cells.with_image_look()), _all_rows(cells)
    assert cells.with_image_look().n_columns == found.shape[2] == 2 * W + N_EVIDENCE
    np.testing.assert_array_equal(np.delete(found, np.arange(W, 2 * W), axis=2), plain)
    for cell in (0, N_CELLS - 1):
        np.testing.assert_allclose(
            found[:, cell, W : 2 * W], 0.6 * plain[:, :, :W].mean(axis=1), rtol=1e-5, atol=1e-5
        )


SIGHTS = [lambda cells: cells, Cells.in_context, Cells.with_image_look]


@pytest.mark.parametrize("see", SIGHTS)
def test_products_are_those_of_the_rows(see):
    cells = see(_cells())
    weights = np.random.default_rng(1).normal(size=(cells.n_columns, 7)).astype(np.float32)
    for image, rows in enumerate(_all_rows(cells)):
        np.testing.assert_allclose(
            cells.products(image, weights), rows @ weights, rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("see", SIGHTS)
def test_joined_cells_are_those_of_both(see):
    parts = [see(_cells(3)), see(_cells(2, seed=5))]
    joined = parts[0].join(parts[1])
    assert len(joined) == 5
    np.testing.assert_array_equal(_all_rows(joined), np.concatenate([_all_rows(p) for p in parts]))
