import numpy as np
import pytest

from defectory.calibration import choose_threshold, fit_threshold
from defectory.domain import HeldOutScores, ParameterError
from defectory.labeling.stopping import expected_gain, threshold_spread

SCORES = np.random.default_rng(0).normal(size=4000)


def test_more_labels_have_less_left_to_change():
    ratios = [expected_gain(SCORES, 2.0, 0.5, n).flip_ratio for n in (0, 10, 100, 1000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > ratios[-1]


def test_a_threshold_among_many_scores_flips_more_than_one_in_a_gap():
    crowded = expected_gain(SCORES, 0.0, 0.3, 50).flip_ratio
    gap = expected_gain(SCORES, 6.0, 0.3, 50).flip_ratio
    assert crowded > 0.02
    assert gap == 0


def test_the_expected_flips_are_those_that_happen():
    """A threshold as the mean of n draws, moved by ten draws more, over many such reviews."""
    rng, n, n_next = np.random.default_rng(1), 40, 10
    flips, expected = [], []
    for _ in range(300):
        draws = rng.normal(1.0, 2.0, n + n_next)
        before, after = draws[:n].mean(), draws.mean()
        low, high = sorted((before, after))
        flips.append(((low < SCORES) & (high >= SCORES)).mean())
        expected.append(expected_gain(SCORES, before, 2.0 / n**0.5, n, n_next=n_next).flip_ratio)
    assert np.mean(expected) == pytest.approx(np.mean(flips), rel=0.15)


def test_few_flips_say_stop_and_many_go_on():
    stop = expected_gain(SCORES, 3.0, 0.01, 100)
    assert stop.is_enough
    assert stop.said == (
        "the next 10 labels are expected to change 0.0 % of decisions: that is enough"
    )
    go = expected_gain(SCORES, 0.0, 1.0, 10)
    assert not go.is_enough
    assert go.said.endswith("% of decisions: go on")
    assert expected_gain(SCORES, 0.0, 1.0, 10, n_next=1).said.startswith("the next label is")


def test_what_an_update_changed_is_expected_again():
    quiet = expected_gain(SCORES, 3.0, 0.0, 100)
    seen = expected_gain(SCORES, 3.0, 0.0, 100, flipped_by_last=0.04, n_last=20)
    assert quiet.flip_ratio == 0
    assert seen.flip_ratio == pytest.approx(0.02)
    assert not seen.is_enough


def test_without_a_threshold_nothing_is_expected():
    assert expected_gain(SCORES, np.inf, 0.1, 5) is None
    assert expected_gain(SCORES, 1.0, np.inf, 5) is None


@pytest.mark.parametrize(
    "told", [(SCORES[:0], 1.0, 0.1, 5), (SCORES, 1.0, -1.0, 5), (SCORES, 1.0, 0.1, -1)]
)
def test_numbers_out_of_range_are_refused(told):
    with pytest.raises(ParameterError):
        expected_gain(*told)


def assert_spread_is_true(draws, thresholds, *, groups=None, within=0.25):
    """Thresholds of many draws differ by as much as each says."""
    found = [
        threshold_spread(HeldOutScores.of(scores, groups=groups), threshold)
        for scores, threshold in zip(draws, thresholds, strict=True)
    ]
    true = np.std([threshold.value for threshold in thresholds])
    assert np.mean(found) == pytest.approx(true, rel=within)


def test_the_spread_of_a_promised_threshold_falls_with_its_images():
    spreads = []
    for n in (400, 4000):
        held_out = HeldOutScores.of(SCORES[:n])
        promised = fit_threshold(held_out.scores.astype(float), 0.05, 0.95)
        spreads.append(threshold_spread(held_out, promised))
    assert spreads[0] > spreads[1] > 0


@pytest.mark.parametrize(("n", "rate"), [(299, 0.01), (1000, 0.01), (59, 0.05), (1000, 0.05)])
def test_the_spread_of_a_promised_threshold_is_that_of_new_draws(n, rate):
    """Also where the highest score decides."""
    draws = [np.random.default_rng(seed).normal(size=n) for seed in range(300)]
    thresholds = [fit_threshold(scores, rate, 0.95) for scores in draws]
    assert_spread_is_true(draws, thresholds, within=0.35)


def test_the_spread_of_a_promise_to_groups_is_that_of_their_highest():
    # of 60 groups the highest decides: of 600 images that do not belong together, one among many
    draws = [np.random.default_rng(seed).normal(size=600) for seed in range(200)]
    groups = np.repeat(np.arange(60), 10)
    thresholds = [fit_threshold(scores, 0.05, 0.95, groups=groups) for scores in draws]
    assert_spread_is_true(draws, thresholds, groups=groups)


@pytest.mark.parametrize("n", [100, 1000])
def test_the_spread_of_an_estimate_is_that_of_new_draws(n):
    draws = [np.random.default_rng(seed).normal(size=n) for seed in range(60)]
    estimated = [
        choose_threshold(HeldOutScores.of(scores, is_confirmed=np.zeros(n, bool)), 0.01)
        for scores in draws
    ]
    assert_spread_is_true(draws, estimated)


def test_equal_scores_have_no_spread():
    held_out = HeldOutScores.of(np.ones(50), is_confirmed=np.zeros(50, bool))
    assert threshold_spread(held_out, choose_threshold(held_out, 0.01)) == 0


def test_one_image_tells_no_spread():
    promised = fit_threshold([1.0], 0.05, 0.95)
    assert threshold_spread(HeldOutScores.of([1.0]), promised) == np.inf
