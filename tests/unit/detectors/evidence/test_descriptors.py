import numpy as np
import pytest

from defectory.detectors.evidence.descriptors import STEP, CellDescriptor
from defectory.domain import ParameterError
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    WIDTHS,
    features,
    learned,
)

N_LOOKS = WIDTHS["block7"] + WIDTHS["block10"] + WIDTHS["block14"]
N_LINES = 2 * WIDTHS["block4"]
LISTED = features(60)


@pytest.fixture(scope="module")
def normality():
    return learned(LISTED)


def test_columns_are_of_unit_variance_and_tell_nothing_twice(normality):
    descriptor = CellDescriptor.of(normality)
    rows = descriptor.describe(normality, normality.sample(LISTED))
    assert rows.shape == (60, N_CELLS, descriptor.width)
    assert descriptor.width == N_LOOKS + N_LINES
    assert rows.dtype == np.int8
    flat = (STEP * rows).reshape(-1, descriptor.width)
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
    found = STEP * descriptor.describe(normality, normality.sample(LISTED[:2]))
    away = normality.sample(LISTED[:2]).cells[:, :, 0] - normality.cells_.means[:, None]
    exact = np.matmul(away, descriptor.looks).transpose(1, 0, 2)
    assert np.abs(found[:, :, :N_LOOKS] - exact).max() <= 0.051
    odd = [{name: 1000 * stage for name, stage in LISTED[0].items()}]
    rows = descriptor.describe(normality, normality.sample(odd))
    assert (rows.min(), rows.max()) == (-127, 127)


def test_rows_of_an_image_do_not_depend_on_the_others(normality):
    descriptor = CellDescriptor.of(normality)
    together = descriptor.describe(normality, normality.sample(LISTED[:5]))
    for i in range(5):
        np.testing.assert_array_equal(
            descriptor.describe(normality, normality.sample([LISTED[i]]))[0], together[i]
        )


def test_what_is_restored_describes_alike(normality):
    descriptor = CellDescriptor.of(normality)
    arrays = descriptor.arrays()
    again, samples = CellDescriptor.restore(arrays, normality), normality.sample(LISTED[:2])
    np.testing.assert_array_equal(
        again.describe(normality, samples), descriptor.describe(normality, samples)
    )
    for name in arrays:
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            CellDescriptor.restore({k: a for k, a in arrays.items() if k != name}, normality)
        with pytest.raises(ParameterError, match="expected"):
            CellDescriptor.restore({**arrays, name: arrays[name][:-1]}, normality)
