"""Promises on defects, p-values and discoveries, checked by simulation."""

import numpy as np
import pytest
from scipy.stats import binom

from defectory.calibration.false_discoveries import benjamini_hochberg
from defectory.calibration.gray_zone import fit_accept_threshold
from defectory.calibration.p_values import ConformalPValues, highest_of_groups
from defectory.domain import DefectScores, HeldOutScores

N_DRAWS = 2000


@pytest.mark.parametrize(("n", "rate", "confidence"), [(80, 0.05, 0.95), (300, 0.1, 0.9)])
def test_so_many_defects_are_accepted_no_more_often_than_stated(n, rate, confidence):
    """Uniform scores: the share of defects below a threshold t is t."""
    draws = np.random.default_rng(n).random((N_DRAWS, n))
    ranks = DefectScores(np.arange(n, dtype=np.float32), is_simulated=False)
    rank = int(fit_accept_threshold(ranks, rate, confidence).value)
    ordered = np.sort(draws, axis=1)
    assert (ordered[:, rank] > rate).sum() <= binom.ppf(0.9999, N_DRAWS, 1 - confidence)
    # as high as it may be: one defect higher, and the promise would be broken too often
    assert (ordered[:, rank + 1] > rate).sum() > binom.ppf(0.0001, N_DRAWS, 1 - confidence)


def draw_groups(rng, n_groups, between):
    """Scores of groups of 1 to 19 images; groups differ by so much of the spread."""
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 20, n_groups))
    return HeldOutScores.of(draw(rng, groups, between), groups=groups)


def draw(rng, groups, between):
    common = rng.normal(size=groups.max() + 1)[groups]
    return between * common + (1 - between**2) ** 0.5 * rng.normal(size=len(groups))


def share_of_low(make_reference, alpha, between, n_groups=39):
    """How often the p-value of an image of a new group is at most alpha."""
    rng = np.random.default_rng(1)
    n_low = 0
    for _ in range(N_DRAWS):
        reference = make_reference(draw_groups(rng, n_groups, between))
        score = draw(rng, np.zeros(1, int), between).astype(np.float32)
        n_low += ConformalPValues.fit(reference).of(score)[0] <= alpha
    return n_low


def ungrouped(held_out):
    return HeldOutScores.of(held_out.scores)


@pytest.mark.parametrize("alpha", [0.025, 0.05, 0.2])
def test_p_values_of_single_images_are_exact(alpha):
    rng = np.random.default_rng(0)
    p_values = [
        ConformalPValues.fit(HeldOutScores.of(rng.random(199))).of(rng.random(1).astype("f"))[0]
        for _ in range(N_DRAWS)
    ]
    low, high = binom.ppf([0.0001, 0.9999], N_DRAWS, alpha)
    assert low <= (np.array(p_values) <= alpha + 1e-12).sum() <= high


@pytest.mark.parametrize("between", [0.0, 0.7, 0.99])
@pytest.mark.parametrize("make_reference", [lambda held_out: held_out, highest_of_groups])
def test_p_values_hold_for_images_of_new_groups(make_reference, between):
    for alpha in (0.05, 0.2):
        n_low = share_of_low(make_reference, alpha, between)
        assert n_low <= binom.ppf(0.9999, N_DRAWS, alpha)


def test_the_simulation_sees_p_values_fail_that_ignore_groups():
    assert share_of_low(ungrouped, 0.005, 0.99) > binom.ppf(0.9999, N_DRAWS, 0.005)


def false_share(make_reference, held_outs, rate, n_outliers, between, seed=0, batch=100):
    """The mean share of good images among discoveries, its standard error, and that of outliers found."""
    rng = np.random.default_rng(seed)
    shares, found_of_outliers = [], []
    for held_out in held_outs(rng):
        scores = draw(rng, np.arange(batch), between).astype(np.float32)
        scores[:n_outliers] += 5
        p_values = ConformalPValues.fit(make_reference(held_out)).of(scores)
        found = benjamini_hochberg(p_values, rate)
        shares.append(found[n_outliers:].sum() / max(1, found.sum()))
        found_of_outliers.append(found[:n_outliers].mean() if n_outliers else 0)
    error = np.std(shares) / len(shares) ** 0.5
    return np.mean(shares), error, np.mean(found_of_outliers)


def single(rng):
    return (HeldOutScores.of(rng.normal(size=999)) for _ in range(1000))


@pytest.mark.parametrize(("n_outliers", "rate"), [(0, 0.1), (10, 0.1), (10, 0.3)])
def test_so_few_discoveries_are_false(n_outliers, rate):
    """With a tenth of outliers nine tenths of the rate, nearly all of which is used."""
    found, error, power = false_share(lambda x: x, single, rate, n_outliers, 0.0)
    level = rate * (1 - n_outliers / 100)
    assert found <= level + 4 * error
    if n_outliers:
        assert found >= 0.8 * level - 4 * error
        assert power > 0.95


@pytest.mark.parametrize("n_outliers", [0, 10])
def test_so_few_discoveries_are_false_where_good_images_come_in_groups(n_outliers):
    def grouped(rng):
        return (draw_groups(rng, 200, 0.95) for _ in range(600))

    found, error, power = false_share(highest_of_groups, grouped, 0.1, n_outliers, 0.95)
    assert found <= 0.1 * (1 - n_outliers / 100) + 4 * error
    assert power >= 0.9 * (n_outliers > 0)
    naive, error, _ = false_share(ungrouped, grouped, 0.1, 0, 0.95)
    assert naive > 0.1 + 3 * error, "where groups are ignored, the rate is broken"
