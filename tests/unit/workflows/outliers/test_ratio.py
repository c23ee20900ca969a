"""How many do not belong, from the scores alone."""

import numpy as np
import pytest

from defectory.workflows.outliers.ratio import MAX_RATIO, cut_for, estimate_ratio


def belonging(n, rng):
    """Scores whose reciprocals are Gaussian around 1."""
    return 1 / rng.normal(1.0, 0.12, n).clip(0.4)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.25])
def test_a_share_that_stands_apart_is_found(ratio):
    rng = np.random.default_rng(0)
    n_out = round(2000 * ratio)
    scores = np.concatenate([belonging(2000 - n_out, rng), rng.uniform(2, 3, n_out)])
    estimate = estimate_ratio(scores)
    assert estimate.is_clear
    assert estimate.ratio == pytest.approx(ratio, abs=0.02)
    assert (scores > estimate.cut).mean() == pytest.approx(estimate.ratio)
    assert "upper one's weight" in estimate.explain()


def test_where_nothing_stands_apart_few_are_listed():
    estimate = estimate_ratio(belonging(2000, np.random.default_rng(0)))
    assert not estimate.is_clear
    assert estimate.ratio < 0.01
    assert "one Gaussian" in estimate.explain()


@pytest.mark.parametrize("scores", [np.ones(100), np.zeros(30), np.arange(1, 9.0)])
def test_equal_or_few_scores_do_no_harm(scores):
    estimate = estimate_ratio(scores)
    assert 0 <= estimate.ratio <= MAX_RATIO
    assert (scores > estimate.cut).mean() == pytest.approx(estimate.ratio)


def test_the_cut_leaves_as_many_above_it():
    scores = np.array([3.0, 1.0, 2.0, 5.0])
    assert [int((scores > cut_for(scores, n)).sum()) for n in range(5)] == [0, 1, 2, 3, 4]
