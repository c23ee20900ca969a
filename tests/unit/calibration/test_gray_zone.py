"""The threshold for accepting, and what is left between."""

from dataclasses import replace
from math import inf, isnan

import numpy as np
import pytest
from scipy.stats import binomtest

from defectory.calibration import choose_threshold, fit_threshold
from defectory.calibration.gray_zone import fit_accept_threshold, fit_gray_zone
from defectory.domain import DefectScores, HeldOutScores, ParameterError

GOOD = HeldOutScores.of(np.linspace(0, 1, 400))


def labeled(scores):
    return DefectScores(np.asarray(scores, np.float32), is_simulated=False)


def simulated(scores):
    return DefectScores(np.asarray(scores, np.float32), is_simulated=True)


def zone_of(defects, miss_rate=0.05, good=GOOD, rate=0.01):
    return fit_gray_zone(good, defects, choose_threshold(good, rate), miss_rate)


@pytest.mark.parametrize(("n", "rank"), [(59, 1), (92, 1), (93, 2), (124, 3)])
def test_it_is_the_threshold_for_rejecting_seen_from_the_other_side(n, rank):
    """The ranks are SciPy's: the highest k with betaincinv(k, n + 1 - k, .95) <= .05."""
    defects = labeled(np.random.default_rng(n).normal(size=n))
    found = fit_accept_threshold(defects, 0.05)
    assert found.value == np.sort(defects.scores)[rank - 1]
    assert (found.basis, found.n_missing, found.is_kept) == ("promised", 0, True)
    mirrored = fit_threshold(-defects.scores, 0.05)
    assert (found.value, found.bound) == (-mirrored.value, mirrored.bound)
    assert found.bound <= 0.05
    assert found.explain() == (
        "at most 5.00% of defects like the labeled ones accepted, with 95% confidence "
        f"(fitted on {n} held-out defects)."
    )


def test_too_few_defects_promise_what_they_can():
    found = fit_accept_threshold(labeled([3.0, 1.0, 2.0, 5.0, 4.0]), 0.05)
    assert (found.value, found.basis, found.n_missing) == (1.0, "short", 54)
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 5))
    assert "needs 54 more labeled defects than the 5 there are" in found.explain()
    assert "at most 45.1%; 16.67% on average" in found.explain()


@pytest.mark.parametrize(
    ("n", "rate", "rank"), [(40, 0.05, 2), (39, 0.05, 2), (40, 0.01, 1), (1000, 0.05, 50)]
)
def test_simulated_defects_promise_nothing_however_many(n, rate, rank):
    found = fit_accept_threshold(simulated(np.arange(n)[::-1]), rate)
    assert found.value == rank - 1
    assert found.expected_rate == rank / (n + 1)
    assert (found.basis, found.is_kept, found.bound) == ("estimated", False, 1)
    assert found.explain().startswith(f"Estimated, not promised: about {rank / (n + 1):.2%} of")


def test_without_known_defects_nothing_is_accepted():
    for defects in (DefectScores.none(), simulated([])):
        found = fit_accept_threshold(defects, 0.1)
        assert (found.value, found.basis, found.n_missing) == (-inf, "none", 29)
        assert found.explain().startswith("Nothing is accepted: there are no known defects")
    zone = zone_of(DefectScores.none())
    assert (zone.share, zone.is_empty) == (pytest.approx(1 - 1 / 400, abs=0.01), False)
    assert zone.explain().startswith("A person looks at scores up to 1: ")


def test_good_images_between_the_thresholds_are_counted():
    zone = zone_of(labeled(np.linspace(0.9, 9, 80)))
    assert zone.accept.value == pytest.approx(0.9)
    n_between = int(((zone.accept.value <= GOOD.scores) & (zone.reject.value >= GOOD.scores)).sum())
    exact = binomtest(n_between, 400).proportion_ci(0.95, "exact")
    assert zone.share == n_between / 400
    assert (zone.low, zone.high) == pytest.approx((exact.low, exact.high))
    assert zone.explain() == (
        f"A person looks at scores from 0.9 up to {zone.reject.value:.4g}: {zone.share:.1%} of good parts "
        f"(95% interval {zone.low:.1%} - {zone.high:.1%}), judging by 400 held-out images."
    )


def test_groups_count_as_one():
    """Ten groups: half of the images of each are between, in one sum of 5."""
    scores, groups = np.tile([0.0, 1.0], 200), np.repeat(np.arange(10), 40)
    good = HeldOutScores.of(scores, groups=groups)
    zone = zone_of(labeled(np.full(80, 0.5)), good=good)
    exact = binomtest(5, 10).proportion_ci(0.95, "exact")
    assert zone.share == pytest.approx(0.5)
    assert (zone.low, zone.high) == pytest.approx((exact.low, exact.high))


def test_an_uneven_sum_of_shares_widens_the_interval_to_whole_groups():
    good = HeldOutScores.of([0.0, 0.0, 1.0, 0.0, 0.0], groups=[0, 0, 0, 1, 2])
    zone = zone_of(labeled(np.full(80, 0.5)), good=good)
    assert zone.share == pytest.approx(1 / 9)
    assert zone.low == 0
    assert zone.high == pytest.approx(binomtest(1, 3).proportion_ci(0.95, "exact").high)


def test_defects_that_all_score_above_leave_nothing_to_look_at():
    zone = zone_of(labeled(np.linspace(2, 9, 80)))
    assert zone.is_empty
    assert zone.share == 0
    assert zone.explain() == (
        "Nothing is left to look at: 2 is above the threshold for rejecting, so that what is not rejected is "
        "accepted."
    )


def test_where_both_thresholds_are_one_score_that_score_is_between():
    threshold = choose_threshold(GOOD, 0.01)
    zone = zone_of(labeled(np.full(80, threshold.value)))
    assert zone.accept.value == zone.reject.value
    assert not zone.is_empty
    assert zone.share == 1 / 400


def test_without_good_images_nothing_is_said_of_them():
    zone = zone_of(labeled([1.0, 2.0]), good=HeldOutScores.of([]))
    assert isnan(zone.share)
    assert (zone.low, zone.high) == (0, 1)
    assert zone.explain() == "A person looks at scores from 1; of good parts nothing is known."


def test_an_estimate_says_how_many_are_confirmed():
    good = replace(GOOD, is_confirmed=np.arange(400) < 7)
    zone = zone_of(labeled(np.linspace(0.9, 9, 80)), good=good)
    assert "judging by 400 held-out images (7 confirmed good)." in zone.explain()


@pytest.mark.parametrize("rate", [0.0, 1.0, 5])
def test_a_miss_rate_is_a_share(rate):
    with pytest.raises(ParameterError, match=f"miss rate is {rate}; give a number between 0 and 1"):
        fit_accept_threshold(labeled([1.0]), rate)
