import numpy as np
import pytest
from scipy import stats

from defectory.metrics.intervals import t_quantile, wilson_interval
from defectory.metrics.resampling import ImageGroups, Resamples


def _resampled_mean(values, n_resamples=4000):
    """Return resamples of the mean of so many groups."""
    groups, resamples = ImageGroups(np.zeros(len(values), bool)), Resamples()
    for draws in groups.draws(n_resamples, np.random.default_rng(0)):
        resamples.add(draws, draws @ values / len(values))
    return resamples


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [1.0, 2.0, 2.7, 9.0, 99.0, 5000.0])
def test_quantiles_are_those_of_student(confidence, freedom):
    expected = stats.t.ppf((1 + confidence) / 2, freedom)

    assert t_quantile(confidence, freedom) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("n_hits", [100, 180, 300])
def test_of_many_tosses_it_is_the_interval_of_wilson(n_hits):
    tosses = np.arange(400) < n_hits

    found = wilson_interval(n_hits / 400, _resampled_mean(tosses), 400, 0.95)

    low, high = stats.binomtest(n_hits, 400).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_resamples_do_not_vary_there_are_as_many_images_as_groups(share):
    found = wilson_interval(share, _resampled_mean(np.full(20, share), 50), 20, 0.95)

    reach = stats.t.ppf(0.975, 19) ** 2 / 19
    expected = (0.0, reach / (1 + reach)) if share == 0 else (1 / (1 + reach), 1.0)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)


def test_a_variance_of_rounding_errors_is_none():
    values = np.full(50, 0.97) + np.resize([0, 1e-16, -1e-16], 50)
    resamples = Resamples()
    resamples.add(np.ones((50, 20), int), values)

    found = wilson_interval(0.97, resamples, 20, 0.95)

    assert found.high - found.low > 0.1


def test_an_estimate_of_1_keeps_the_spread_of_its_resamples():
    """Resamples of a recall of 1 may have less: a variance of .0025 about .95 is that of 19 images."""
    resamples = Resamples()
    resamples.add(np.ones((4, 30), int), np.array([0.9, 1.0, 1.0, 0.9]))

    found = wilson_interval(1.0, resamples, 30, 0.95)

    assert found.low == pytest.approx(
        1 / (1 + stats.t.ppf(0.975, 29) ** 2 / (19 * 29 / 30)), abs=1e-4
    )
    assert found.high == 1.0


def test_where_a_few_groups_decide_the_interval_is_wider():
    """Two means of one variance: of even values, and of two that stand out."""
    even, odd = np.resize([0.4, 0.6], 60), np.full(60, 0.5)
    odd[:2] = 0.5 + np.sqrt(60 * 0.01 / 2) * np.array([1, -1])
    widths = []
    for values in (even, odd):
        assert values.std() == pytest.approx(0.1)
        found = wilson_interval(0.5, _resampled_mean(values), 60, 0.95)
        widths.append(found.high - found.low)

    assert widths[1] > 1.2 * widths[0]


def test_one_group_says_nothing_and_nan_stays_nan():
    undefined = Resamples()
    undefined.add(np.ones((2, 9), int), np.array([0.5, np.nan]))

    nothing = wilson_interval(0.5, _resampled_mean(np.ones(1), 5), 1, 0.95)
    found = wilson_interval(0.5, undefined, 9, 0.95)

    assert (nothing.low, nothing.high) == (0.0, 1.0)
    assert np.isnan([found.low, found.high]).all()
    assert found.estimate == 0.5
