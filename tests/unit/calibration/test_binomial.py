"""Beta quantiles without SciPy, against SciPy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from defectory.calibration.binomial import beta_quantile


@given(st.floats(1e-6, 1 - 1e-6), st.integers(1, 400), st.integers(1, 400))
def test_it_equals_scipy(probability, a, b):
    assert beta_quantile(probability, a, b) == pytest.approx(beta.ppf(probability, a, b), rel=1e-8)


@pytest.mark.parametrize("probability", [0.001, 0.5, 0.95, 0.999])
@pytest.mark.parametrize(
    ("a", "b"), [(1, 299), (3, 5000), (5000, 3), (100, 100_000), (50_000, 50_001)]
)
def test_it_equals_scipy_for_many_images(probability, a, b):
    assert beta_quantile(probability, a, b) == pytest.approx(beta.ppf(probability, a, b), rel=1e-8)


@given(st.floats(0.001, 0.999), st.integers(1, 1000))
def test_the_largest_of_n_has_a_closed_form(probability, n):
    assert beta_quantile(probability, 1, n) == pytest.approx(
        1 - (1 - probability) ** (1 / n), rel=1e-8
    )
