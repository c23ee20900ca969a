import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.pseudolabels.contamination import (
    Contamination,
    estimate_contamination,
    is_contaminated,
)

_CLEAN = {
    "normal": lambda rng, n: rng.normal(size=n),
    "log-normal": lambda rng, n: rng.lognormal(0, 0.25, n),
    "gamma": lambda rng, n: rng.gamma(4, size=n),
    "gumbel": lambda rng, n: rng.gumbel(size=n),
}


def _mixed(ratio, n=1000, seed=0, gap=18.0):
    """Return gamma scores of good images, defects about `gap` above their mean of 12, and the truth."""
    rng = np.random.default_rng(seed)
    is_odd = np.arange(n) < round(ratio * n)
    return np.where(is_odd, rng.normal(12 + gap, 7, n), rng.gamma(12, size=n)), is_odd


@pytest.mark.parametrize("kind", _CLEAN)
@pytest.mark.parametrize("n", [100, 400, 2000])
def test_clean_scores_are_not_contaminated(kind, n):
    alarms = [is_contaminated(_CLEAN[kind](np.random.default_rng(seed), n)) for seed in range(5)]
    assert sum(alarms) == 0


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.2])
def test_defects_that_stand_apart_are_counted(ratio):
    scores, _ = _mixed(ratio)
    found = estimate_contamination(scores)
    assert found.is_clear
    assert is_contaminated(scores)
    assert found.ratio == pytest.approx(ratio, abs=0.03)
    assert found.lower <= ratio <= found.upper


def test_a_clean_folder_is_near_zero_and_says_what_cannot_be_ruled_out():
    found = estimate_contamination(_mixed(0)[0])
    assert not found.is_clear
    assert found.ratio == found.lower == 0
    assert 0 < found.upper < 0.2
    assert f"up to {found.upper:.1%} defective images cannot be ruled out" in found.explain()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [20, 35, 300])
def test_few_images_rule_out_no_less_than_if_none_of_them_were_defective(n, seed):
    found = estimate_contamination(np.random.default_rng(seed).uniform(size=n))
    assert not found.is_clear
    assert (1 - found.upper) ** n <= 0.05 + 1e-9


def test_neither_scale_offset_nor_order_of_the_scores_matters():
    scores, _ = _mixed(0.1, n=300)
    found, moved = (
        estimate_contamination(scores),
        estimate_contamination(100 - 7 + 50 * scores[::-1]),
    )
    assert moved.ratio == pytest.approx(found.ratio, abs=0.002)
    assert moved.is_clear == found.is_clear


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_confirmed_anomalies_bring_hidden_defects_into_the_interval(seed):
    """Most defects score like good images: without labels the interval lies below the truth.

    The estimate itself need not come closer: where the two kinds overlap this much it is often high.
    """
    scores, is_odd = _mixed(0.2, seed=seed, gap=4.0)
    normals, anomalies = np.flatnonzero(~is_odd)[:30], np.flatnonzero(is_odd)[:15]
    rest = np.setdiff1d(np.arange(len(scores)), np.r_[normals, anomalies])
    truth = is_odd[rest].mean()
    told = estimate_contamination(scores[rest], scores[normals], scores[anomalies])
    assert estimate_contamination(scores[rest]).upper < truth
    assert told.lower <= truth <= told.upper


def test_confirmed_anomalies_do_not_make_a_clean_folder_contaminated():
    rng = np.random.default_rng(3)
    found = estimate_contamination(rng.gamma(4, size=500), anomalies=rng.normal(16, 3, 10))
    assert not found.is_clear
    assert found.upper < 0.05


def test_four_anomalies_are_too_few_to_count():
    scores, _ = _mixed(0.1, n=200)
    assert estimate_contamination(scores, anomalies=[5.0] * 4) == estimate_contamination(scores)
    assert estimate_contamination(scores, anomalies=[5.0] * 5) != estimate_contamination(scores)


def test_confirmed_normals_pull_the_estimate_down_where_they_have_the_tail():
    """Good images with a tail of their own, which looks like a tenth of defects."""
    scores, _ = _mixed(0.1)
    tailed = _mixed(0.1, n=500, seed=1)[0]
    assert (
        estimate_contamination(scores, normals=tailed).ratio < estimate_contamination(scores).ratio
    )


@pytest.mark.parametrize("scores", [[], np.arange(19.0), np.full(50, 3.0)])
def test_too_few_or_equal_scores_say_nothing(scores):
    assert not is_contaminated(scores)
    assert estimate_contamination(scores) == Contamination(0.0, 0.0, 0.5, is_clear=False)


def test_mostly_equal_scores_are_borne():
    scores = np.r_[np.zeros(60), np.linspace(5, 6, 10)]
    found = estimate_contamination(scores)
    assert 0 <= found.lower <= found.ratio <= found.upper <= 0.5


def test_the_same_seed_gives_the_same_interval_and_another_moves_it():
    scores, _ = _mixed(0.1, n=200)
    assert estimate_contamination(scores) == estimate_contamination(scores)
    assert estimate_contamination(scores, seed=1) != estimate_contamination(scores)


def test_many_scores_are_summed_up():
    scores, _ = _mixed(0.1, n=20_000)
    assert estimate_contamination(scores).ratio == pytest.approx(0.1, abs=0.03)


def test_what_was_found_is_said_in_a_sentence():
    said = Contamination(0.1, 0.05, 0.2, is_clear=True).explain()
    assert (
        "About 10.0% of the unlabeled images look defective (5.0% to 20.0% at 95% confidence)"
        in said
    )
    assert "not counted" in said


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    for judge in (is_contaminated, estimate_contamination):
        with pytest.raises(ParameterError, match="the scores hold nan or infinity"):
            judge([0.0, bad])
    with pytest.raises(ParameterError, match="scores of normals hold nan"):
        estimate_contamination([0.0], normals=[bad])
    with pytest.raises(ParameterError, match="scores of anomalies hold nan"):
        estimate_contamination([0.0], anomalies=[bad])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_confirmed_anomalies_among_the_good_count_as_odd_for_certain(seed):
    """A lump of a tenth stands apart; confirmed anomalies in the bulk say that there are more."""
    rng = np.random.default_rng(seed)
    scores = np.r_[rng.normal(0, 1, 450), rng.normal(8, 0.5, 50)]
    apart, hidden = rng.normal(8, 0.5, 30), rng.normal(0, 1, 30)
    as_seen = estimate_contamination(scores, anomalies=apart)
    with_hidden = estimate_contamination(scores, anomalies=np.r_[apart, hidden])
    assert as_seen.ratio == pytest.approx(0.1, abs=0.02)
    assert with_hidden.lower > as_seen.ratio
