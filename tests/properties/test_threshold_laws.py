"""The promise, checked by simulation, and what a change of the wish does to a threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from defectory.calibration import fit_threshold

N_DRAWS = 2000
SCORES = arrays(
    np.float32, st.integers(1, 120), elements=st.floats(-1000, 1000, width=32)
)  # fmt: skip
FEW = settings(max_examples=40)
RATES = st.floats(0.001, 0.999)


@pytest.mark.parametrize(("n", "rate"), [(100, 0.05), (299, 0.01), (1000, 0.01)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_promise_is_broken_no_more_often_than_stated(n, rate, confidence):
    """Uniform scores: the true rate of a threshold t is 1 - t. Nothing else about them matters."""
    rng = np.random.default_rng(n)
    draws = rng.random((N_DRAWS, n))
    rank = int(fit_threshold(np.arange(n), rate, confidence).value)
    true_rates = 1 - np.sort(draws, axis=1)[:, rank]
    n_broken = int((true_rates > rate).sum())
    assert n_broken <= binom.ppf(0.9999, N_DRAWS, 1 - confidence)
    # as low as it may be: one score lower, and the promise would be broken too often
    lower_rates = 1 - np.sort(draws, axis=1)[:, rank - 1]
    assert (lower_rates > rate).sum() > binom.ppf(0.0001, N_DRAWS, 1 - confidence)


def test_the_simulation_sees_a_naive_threshold_fail():
    """The empirical 99 % quantile of 299 scores breaks the promise about half the time."""
    draws = np.random.default_rng(0).random((N_DRAWS, 299))
    true_rates = 1 - np.quantile(draws, 0.99, axis=1)
    assert (true_rates > 0.01).mean() > 0.4


def test_ties_only_make_it_safer():
    """Ten score levels, so that the true rate above level v is (9 - v) / 10."""
    draws = np.floor(10 * np.random.default_rng(0).random((N_DRAWS, 299)))
    rank = int(fit_threshold(np.arange(299), 0.25).value)
    levels = np.sort(draws, axis=1)[:, rank]
    assert fit_threshold(draws[0], 0.25).value == levels[0]
    assert ((9 - levels) / 10 > 0.25).sum() <= binom.ppf(0.9999, N_DRAWS, 0.05)


@FEW
@given(SCORES, RATES, RATES)
def test_a_stricter_rate_never_lowers_the_threshold(scores, rate, other):
    strict, loose = sorted((rate, other))
    assert fit_threshold(scores, strict).value >= fit_threshold(scores, loose).value


@FEW
@given(SCORES, RATES, RATES, RATES)
def test_more_confidence_never_lowers_the_threshold(scores, rate, one, other):
    low, high = sorted((one, other))
    assert fit_threshold(scores, rate, high).value >= fit_threshold(scores, rate, low).value


@FEW
@given(SCORES, RATES, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_the_threshold_is_a_score(scores, rate, random):
    shuffled = scores.tolist()
    random.shuffle(shuffled)
    threshold = fit_threshold(scores, rate)
    assert fit_threshold(shuffled, rate) == threshold
    assert np.float32(threshold.value) in scores
    assert 0 <= threshold.expected_rate <= 1
    assert threshold.is_kept == (threshold.n_missing == 0)


@FEW
@given(SCORES, RATES)
def test_increasing_transforms_move_the_threshold_along(scores, rate):
    """Doubling is exact in floating point."""
    assert fit_threshold(2 * scores, rate).value == 2 * fit_threshold(scores, rate).value
