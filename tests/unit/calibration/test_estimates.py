import numpy as np
import pytest

from defectory.calibration import choose_threshold, estimate_threshold, fit_threshold
from defectory.domain import HeldOutScores

RNG = np.random.default_rng(0)
GOOD = RNG.normal(size=400)
DEFECTS = RNG.normal(6, 1, size=40)


def test_enough_confirmed_normals_promise_whatever_is_unlabeled():
    held_out = HeldOutScores.of([*GOOD, *DEFECTS], is_confirmed=np.arange(440) < 400)
    found = choose_threshold(held_out, 0.01)
    assert found == fit_threshold(np.float32(GOOD), 0.01)
    assert found.basis == "promised"


def test_an_estimate_that_is_preferred_takes_the_place_of_a_promise():
    is_confirmed = np.arange(440) < 400
    held_out = HeldOutScores.of([*GOOD, *DEFECTS], is_confirmed=is_confirmed)
    found = choose_threshold(held_out, 0.01, prefers_estimate=True)
    assert (found.basis, found.n_missing) == ("estimated", 0)
    assert "is to be had: choose the rate anew" in found.explain()
    confirmed = held_out.take(is_confirmed)
    assert choose_threshold(confirmed, 0.01, prefers_estimate=True).basis == "estimated"
    few = held_out.take(np.arange(19))
    assert choose_threshold(few, 0.01, prefers_estimate=True).basis == "short"


def test_a_tenth_of_hidden_defects_hardly_moves_an_estimate_and_is_found():
    clean, hidden = estimate_threshold(GOOD, 0.01), estimate_threshold([*GOOD, *DEFECTS], 0.01)
    assert hidden.basis == "estimated"
    assert not hidden.is_kept
    assert clean.value < hidden.value < clean.value + 0.8
    assert (hidden.value < DEFECTS).mean() > 0.9
    assert (hidden.value < GOOD).mean() <= 0.01
    low, high = hidden.interval
    assert low < hidden.value < high


def test_one_odd_confirmed_image_among_few_does_not_blind_the_detector():
    few = GOOD[:60]
    held_out = HeldOutScores.of([*few, 1000.0])
    found = choose_threshold(held_out, 0.01)
    assert found.basis == "estimated"
    assert found.value < 20
    assert choose_threshold(HeldOutScores.of(few), 0.01).basis == "short"


@pytest.mark.parametrize("n", [1, 2, 19])
def test_few_unlabeled_images_give_their_highest_score_at_least(n):
    found = choose_threshold(HeldOutScores.of(GOOD[:n], is_confirmed=np.zeros(n, bool)), 0.01)
    assert found.value >= np.float32(GOOD[:n]).max()
    assert found.n_missing == 299
    assert found.explain().startswith(
        "Estimated, not promised: of fewer than 20 images the threshold is at least the highest score, "
        f"whatever the rate ({n} images, 0 confirmed good); from "
    )


def test_stricter_rates_have_higher_estimates():
    values = [estimate_threshold(GOOD, rate).value for rate in (0.001, 0.01, 0.1)]
    assert values[0] > values[1] > values[2]


def test_a_tenth_of_defects_raises_the_estimate_by_about_a_fifth():
    good = np.random.default_rng(0).normal(size=20_000)
    defects = np.full(len(good) // 9, 100.0)
    clean, contaminated = (
        estimate_threshold(scores, 0.01).value for scores in (good, np.concatenate([good, defects]))
    )
    assert 1.15 < contaminated / clean < 1.25


def test_groups_are_resampled_together():
    pairs = np.repeat(np.arange(100), 4)
    scores = np.repeat(RNG.normal(size=100), 4)
    alone, grouped = (estimate_threshold(scores, 0.01, groups=g) for g in (None, pairs))
    assert grouped.value == alone.value
    widths = [end.interval[1] - end.interval[0] for end in (alone, grouped)]
    assert widths[1] > 1.2 * widths[0]
