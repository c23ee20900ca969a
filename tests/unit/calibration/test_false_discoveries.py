"""Benjamini and Hochberg's procedure, against SciPy and another package."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from defectory.calibration.false_discoveries import (
    benjamini_hochberg,
    fewest_discoveries,
    n_normals_for_one,
)
from defectory.calibration.p_values import ConformalPValues
from defectory.domain import HeldOutScores, ParameterError


@pytest.mark.parametrize(
    ("rate", "n_found"), [(0.1, 0), (0.19, 0), (0.2, 5), (0.3, 5), (0.34, 6), (0.6, 7)]
)
def test_discoveries_are_those_of_nonconform(rate, n_found):
    """`adjusted_p_values(..., method="bh") <= rate` of nonconform 2.0.0, on its p-values of test_p_values."""
    p_values = [1.0, 0.9, 0.6, 0.4, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert benjamini_hochberg(p_values, rate).sum() == n_found


@pytest.mark.parametrize("seed", range(20))
def test_it_equals_scipy(seed):
    rng = np.random.default_rng(seed)
    p_values = rng.random(rng.integers(1, 200)) ** rng.integers(1, 4)
    for rate in (0.01, 0.1, 0.5):
        expected = false_discovery_control(p_values) <= rate
        assert benjamini_hochberg(p_values, rate).tolist() == expected.tolist()


def test_a_limit_that_is_met_but_for_rounding_counts():
    """.3 * 1 / 3 is less than .1 in floating point."""
    assert 0.3 / 3 < 0.1
    assert benjamini_hochberg([0.1, 1.0, 1.0], 0.3).tolist() == [True, False, False]


def test_no_images_have_no_discoveries():
    assert benjamini_hochberg([], 0.1).shape == (0,)


@pytest.mark.parametrize("rate", [0, 1, -0.1])
def test_a_rate_is_a_share(rate):
    with pytest.raises(ParameterError, match="false discovery rate is"):
        benjamini_hochberg([0.5], rate)


@pytest.mark.parametrize(
    ("n_images", "n_normals", "rate"),
    [(10, 99, 0.1), (11, 99, 0.1), (100, 30, 0.1), (40, 9, 0.1), (40, 8, 0.1), (7, 0, 0.5)],
)
def test_fewer_that_stand_out_cannot_be_discoveries(n_images, n_normals, rate):
    """Images beyond all good ones have the lowest p-value there is, the others the highest."""
    p_values = ConformalPValues.fit(HeldOutScores.of(range(n_normals)))
    found = [
        benjamini_hochberg(p_values.of([n_normals] * k + [-1] * (n_images - k)), rate).any()
        for k in range(1, n_images + 1)
    ]
    first = next((k for k, any_found in enumerate(found, start=1) if any_found), None)
    fewest = fewest_discoveries(n_images, n_normals, rate)
    assert fewest == first if first else fewest > n_images


@pytest.mark.parametrize(("n_images", "rate"), [(10, 0.1), (212, 0.1), (7, 0.3), (1, 0.5)])
def test_so_many_good_images_let_one_image_alone_be_a_discovery(n_images, rate):
    needed = n_normals_for_one(n_images, rate)
    assert fewest_discoveries(n_images, needed, rate) == 1
    assert fewest_discoveries(n_images, needed - 1, rate) > 1
