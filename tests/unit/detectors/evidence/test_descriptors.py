import numpy as np
import pytest

from defectory.detectors.evidence.descriptors import (
    N_EVIDENCE,
    CellDescriptor,
    _mean_of_neighbors,
    as_looks,
    evidence,
    in_context,
)
from defectory.domain import ParameterError
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    SIDE,
    WIDTHS,
    PlainNormality,
    features,
    learned,
    measurements,
    standardized,
)

N_LOOKS = WIDTHS["block7"] + WIDTHS["block10"] + WIDTHS["block14"]
N_LINES = 2 * WIDTHS["block4"]
LISTED = features(60)


@pytest.fixture(scope="module")
def normality():
    return learned(LISTED)


def test_columns_are_of_unit_variance_and_tell_nothing_twice(normality):
    descriptor = CellDescriptor.of(normality)
    rows = descriptor.describe(normality, LISTED)
    assert rows.shape == (60, N_CELLS, descriptor.width)
    assert descriptor.width == N_LOOKS + N_LINES
    assert rows.dtype == np.int8
    looks = as_looks(rows)
    assert looks.dtype == np.float16
    np.testing.assert_allclose(looks, rows / 10, rtol=1e-3)
    flat = looks.astype(float).reshape(-1, descriptor.width)
    looks, lines = flat[:, :N_LOOKS], flat[:, N_LOOKS:]
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(np.cov(looks.T, bias=True), np.eye(N_LOOKS), atol=2e-2)
    np.testing.assert_allclose(np.cov(lines.T, bias=True), np.eye(N_LINES), atol=2e-2)


def test_only_leading_directions_are_kept():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(200, 200)))[0]
    variances = np.linspace(1, 2, 200)
    covariance = ((basis * variances) @ basis.T).astype(np.float32)
    fake = type("Fake", (), {"cell_covariance_": covariance, "line_covariance_": covariance})()
    descriptor = CellDescriptor.of(fake)
    for kept, n in [(descriptor.looks, 128), (descriptor.lines, 40)]:
        assert kept.shape == (200, n)
        np.testing.assert_allclose(kept.T @ covariance @ kept, np.eye(n), atol=1e-4)
        np.testing.assert_allclose(basis[:, : 200 - n].T @ kept, 0, atol=1e-3)


def test_directions_without_variance_stay_finite():
    nothing = np.zeros((3, 3), np.float32)
    fake = type("Fake", (), {"cell_covariance_": nothing, "line_covariance_": nothing})()
    assert np.isfinite(CellDescriptor.of(fake).looks).all()


def test_rows_are_projections_in_steps_of_a_tenth_up_to_a_limit(normality):
    """A step is rounded to its middle; an image a thousand times as bright leaves the range."""
    descriptor = CellDescriptor.of(normality)
    found = as_looks(descriptor.describe(normality, LISTED[:2]))
    away = normality.samples(LISTED[:2])[:, :, 0] - normality.cells_.means[:, None]
    exact = np.matmul(away, descriptor.looks).transpose(1, 0, 2)
    assert np.abs(found[:, :, :N_LOOKS] - exact).max() <= 0.051
    odd = [{name: 1000 * stage for name, stage in LISTED[0].items()}]
    rows = descriptor.describe(normality, odd)
    assert (rows.min(), rows.max()) == (-127, 127)


def test_rows_of_an_image_do_not_depend_on_the_others(normality):
    descriptor = CellDescriptor.of(normality)
    together = descriptor.describe(normality, LISTED[:5])
    for i in range(5):
        np.testing.assert_array_equal(descriptor.describe(normality, [LISTED[i]])[0], together[i])


def test_what_is_restored_describes_alike(normality):
    descriptor = CellDescriptor.of(normality)
    arrays = descriptor.arrays()
    again = CellDescriptor.restore(arrays, normality)
    np.testing.assert_array_equal(
        again.describe(normality, LISTED[:2]), descriptor.describe(normality, LISTED[:2])
    )
    for name in arrays:
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            CellDescriptor.restore({k: a for k, a in arrays.items() if k != name}, normality)
        with pytest.raises(ParameterError, match="expected"):
            CellDescriptor.restore({**arrays, name: arrays[name][:-1]}, normality)


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
    found = evidence(normality, measured)
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


def test_evidence_has_a_limit():
    odd = np.zeros((1, N_CELLS))
    odd[0, :2] = [1e6, -1e6]
    found = evidence(PlainNormality(), measurements(odd))
    np.testing.assert_array_equal(found[0, :3, 0], [120, -120, 0])
    assert np.abs(found).max() == 120


def test_cells_in_context_know_their_image_but_not_how_odd_it_is():
    rng = np.random.default_rng(4)
    looks, said = rng.normal(size=(3, N_CELLS, 6)), rng.normal(size=(3, N_CELLS, N_EVIDENCE))
    cells = np.concatenate([looks, said], axis=2).astype(np.float16)
    found = in_context(cells)
    assert (found.shape, found.dtype) == ((3, N_CELLS, 6 + 6 + N_EVIDENCE - 1), np.float16)
    np.testing.assert_array_equal(found[:, :, :6], cells[:, :, :6])
    for cell in (0, N_CELLS - 1):
        np.testing.assert_allclose(found[:, cell, 6:12], looks.mean(axis=1), atol=2e-3)
    np.testing.assert_array_equal(found[:, :, 12:], cells[:, :, [6, 7, 9, 10]])
    np.testing.assert_array_equal(in_context(cells[1:2])[0], found[1])
