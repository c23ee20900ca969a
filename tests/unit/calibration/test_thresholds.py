"""Where the promise can just be kept, where it cannot, and what is said of it then."""

from math import inf, nan
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import beta

from defectory.calibration import Threshold, binomial, fit_threshold, n_normals_needed
from defectory.domain import ParameterError


@pytest.mark.parametrize(
    ("rate", "confidence", "n"),
    [(0.01, 0.95, 299), (0.05, 0.95, 59), (0.01, 0.99, 459), (0.1, 0.9, 22), (0.001, 0.95, 2995)],
)
def test_the_fewest_normals_that_keep_the_promise(rate, confidence, n):
    assert n_normals_needed(rate, confidence) == n
    enough, short = (fit_threshold(np.arange(m), rate, confidence) for m in (n, n - 1))
    assert enough.is_kept
    assert enough.n_missing == 0
    assert enough.value == n - 1, "only the largest score can"
    assert enough.bound <= rate
    assert not short.is_kept
    assert short.n_missing == 1
    assert short.value == n - 2
    assert short.bound > rate


def test_from_473_normals_on_one_may_be_above_the_threshold():
    """Beta(2, n - 1) at 95 % falls below 1 % there; SciPy says so, too."""
    assert beta.ppf(0.95, 2, 471) > 0.01 >= beta.ppf(0.95, 2, 472)
    assert fit_threshold(np.arange(472), 0.01).value == 471
    assert fit_threshold(np.arange(473), 0.01).value == 471


@pytest.mark.parametrize("n", [1, 22, 59, 300, 1000])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2, 0.7])
def test_it_is_the_lowest_score_whose_bound_is_within_the_rate(n, rate):
    scores = np.random.default_rng(n).permutation(n).astype(np.float32)
    threshold = fit_threshold(scores, rate)
    k = int(threshold.value) + 1
    assert threshold.bound == pytest.approx(beta.ppf(0.95, n + 1 - k, k))
    assert threshold.expected_rate == pytest.approx((n + 1 - k) / (n + 1))
    if threshold.is_kept:
        assert beta.ppf(0.95, n + 1 - k, k) <= rate
        assert k == 1 or beta.ppf(0.95, n + 2 - k, k - 1) > rate
    else:
        assert k == n


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("n_exact", [1, 2, 3, 7])
def test_kept_and_missing_agree_where_the_bound_meets_the_rate_exactly(rate, n_exact):
    """(1 - rate)^n = 1 - confidence: rounding may ask for one more, but never contradicts itself."""
    confidence = 1 - (1 - rate) ** n_exact
    needed = n_normals_needed(rate, confidence)
    assert needed in (n_exact, n_exact + 1)
    for n in range(1, n_exact + 3):
        threshold = fit_threshold(np.arange(n), rate, confidence)
        assert threshold.n_missing == max(0, needed - n)
        assert threshold.is_kept == (n >= needed)
        assert not threshold.is_kept or threshold.bound <= rate + 1e-12


def test_tiny_rates_are_counted_not_divided_by_zero():
    assert n_normals_needed(1e-12, 0.95) == pytest.approx(-np.log(0.05) * 1e12, rel=1e-9)
    assert n_normals_needed(1e-17, 0.95) > 2e17


def test_ties_do_not_break_the_promise():
    scores = np.array([1.0] * 300 + [2.0] * 200)
    threshold = fit_threshold(scores, 0.01)
    assert threshold.value == 2.0
    assert (scores > threshold.value).mean() == 0
    assert fit_threshold(np.ones(500), 0.3).value == 1.0


def test_without_normals_nothing_is_rejected():
    threshold = fit_threshold([], 0.01)
    assert threshold == Threshold(inf, 0.01, 0.95, 0, 1.0, 1.0, 299, 0)
    assert not threshold.is_kept
    assert threshold.explain() == (
        "No threshold: there are no good images to fit it on. The promise (at most 1.00% of good "
        "parts rejected, 95% confidence) needs 299."
    )


def test_the_explanation_says_what_is_missing_and_what_is_kept():
    assert fit_threshold(np.arange(299), 0.01).explain() == (
        "at most 1.00% of good parts rejected, with 95% confidence (fitted on 299 held-out good images)."
    )
    short = fit_threshold(np.arange(100), 0.01).explain()
    assert "needs 199 more good images than the 100 there are" in short
    assert "at most 3.0%; 0.99% on average" in short


def test_scores_are_not_sorted_in_place_and_keep_their_float32_value():
    scores = np.random.default_rng(0).normal(size=500).astype(np.float32)
    before = scores.copy()
    value = fit_threshold(scores, 0.05).value
    np.testing.assert_array_equal(scores, before)
    assert np.float32(value) in scores
    assert np.float64(np.float32(value)) == value


@pytest.mark.parametrize("bad", [0, 1, -0.1, 1.5, nan, inf])
def test_rates_outside_the_open_unit_interval_are_refused(bad):
    with pytest.raises(
        ParameterError, match=r"false-reject rate is .*; give a number between 0 and 1"
    ):
        fit_threshold([1.0], bad)
    with pytest.raises(ParameterError, match=r"confidence is .*; give a number between 0 and 1"):
        fit_threshold([1.0], 0.01, bad)


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_scores_that_are_not_finite_are_refused(bad):
    with pytest.raises(ParameterError, match="nan or infinity"):
        fit_threshold([0.0, bad], 0.01)


@pytest.mark.parametrize("n", [30_000, 200_000])
def test_many_normals_get_the_rank_that_scipy_says(n):
    threshold = fit_threshold(np.arange(n), 0.01)
    k = int(threshold.value) + 1
    assert beta.ppf(0.95, n + 1 - k, k) <= 0.01 < beta.ppf(0.95, n + 2 - k, k - 1)
    assert threshold.bound == pytest.approx(beta.ppf(0.95, n + 1 - k, k), rel=1e-8)


def test_the_work_grows_with_the_root_of_the_normals(monkeypatch):
    """A tail too small for a float was once summed term by term: 5 s for 30,000 normals."""
    n_terms = 0
    true_lgamma = binomial.lgamma

    def counted(x):
        nonlocal n_terms
        n_terms += 1
        return true_lgamma(x)

    monkeypatch.setattr(binomial, "lgamma", counted)
    fit_threshold(np.arange(1_000_000), 0.01)
    assert n_terms < 3 * 100 * 3000


@pytest.mark.parametrize("size", [2, 5, 20])
def test_promises_hold_for_images_of_new_groups(size):
    """Groups share half of their variance; counted as independent, the promise would break more often."""
    rng, n_groups, rate = np.random.default_rng(size), 400, 0.05
    n_broken = 0
    for _ in range(60):
        scores = rng.normal(size=(n_groups, 1)) + rng.normal(size=(n_groups, size))
        groups = np.repeat(np.arange(n_groups), size)
        threshold = fit_threshold(scores.ravel(), rate, groups=groups)
        assert threshold.is_kept
        true_rate = 1 - NormalDist(0, 2**0.5).cdf(threshold.value)
        n_broken += true_rate > rate
    assert n_broken <= 6


def test_groups_of_one_image_are_no_groups():
    scores = np.random.default_rng(0).normal(size=300)
    assert fit_threshold(scores, 0.01, groups=np.arange(300)) == fit_threshold(scores, 0.01)


def test_too_few_groups_are_said():
    threshold = fit_threshold(np.arange(320), 0.01, groups=np.arange(320) // 16)
    assert (threshold.value, threshold.n_groups, threshold.n_missing) == (319, 20, 279)
    assert "needs 279 more groups of good images than the 20 there are" in threshold.explain()
    assert threshold.bound == pytest.approx(1 - 0.05 ** (1 / 20))
