import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.detectors.evidence.guard import Verdict, judge
from defectory.domain import Label

CODES = np.array([1] * 4 + [0] * 5 + [-1] * 5, np.int8)
OTHERS = np.arange(10)


def _scores(*anomalies):
    """(14,) float32 of four anomalies and ten others, which score 0 to 9."""
    return np.array([*anomalies, *OTHERS], np.float32)


BASELINE = _scores(4.5, 5.5, 6.5, 7.5)
"""Outscores 5, 6, 7 and 8 of the ten others."""


def test_what_helps_is_kept():
    verdict = judge("trick", BASELINE, _scores(6.5, 6.5, 7.5, 9.5), CODES)
    changes = [0.2, 0.1, 0.1, 0.2]
    assert verdict.is_kept
    assert verdict.gain == pytest.approx(0.15)
    assert verdict.error == pytest.approx(np.std(changes, ddof=1) / 2)
    assert (verdict.name, verdict.n_anomalies) == ("trick", 4)


def test_what_hurts_is_left_out():
    verdict = judge("trick", BASELINE, _scores(2.5, 4.5, 4.5, 7.5), CODES)
    assert not verdict.is_kept
    assert verdict.gain == pytest.approx(-0.125)


def test_what_hurts_all_anomalies_alike_is_left_out():
    verdict = judge("trick", BASELINE, _scores(3.5, 4.5, 5.5, 6.5), CODES)
    assert not verdict.is_kept
    assert verdict.error == pytest.approx(0, abs=1e-9)


def test_a_mean_loss_within_its_error_is_no_reason():
    verdict = judge("trick", BASELINE, _scores(2.5, 6.5, 5.5, 8.5), CODES)
    assert verdict.gain < 0
    assert verdict.is_kept


def test_what_changes_nothing_is_kept():
    verdict = judge("trick", BASELINE, 2 * BASELINE + 1, CODES)
    assert (verdict.is_kept, verdict.gain, verdict.error) == (True, 0, 0)


def test_ties_count_half():
    verdict = judge("trick", _scores(5, 5, 5, 5), _scores(5.5, 5.5, 5.5, 5.5), CODES)
    assert verdict.gain == pytest.approx(0.05)


def test_unlabeled_images_are_among_the_others():
    codes = np.where(CODES == Label.NORMAL, Label.UNLABELED, CODES).astype(np.int8)
    candidate = _scores(9.5, 3.5, 8.5, 9.5)
    assert judge("trick", BASELINE, candidate, codes) == judge("trick", BASELINE, candidate, CODES)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_anomalies_show_nothing(n):
    codes = np.array([1] * n + [0] * (14 - n), np.int8)
    verdict = judge("trick", BASELINE, -BASELINE, codes)
    assert verdict == Verdict("trick", True, 0.0, float("inf"), n)
    assert verdict.explain() == "trick kept: too few labels to judge it"
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["error"] is None


def test_three_anomalies_are_enough():
    codes = np.array([1] * 3 + [0] * 11, np.int8)
    verdict = judge("trick", BASELINE, _scores(3.5, 4.5, 5.5, 7.5), codes)
    assert not verdict.is_kept
    assert verdict.gain == pytest.approx(-1 / 11)


def test_a_verdict_is_json_ready():
    verdict = judge("trick", BASELINE, _scores(6.5, 6.5, 7.5, 9.5), CODES)
    again = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert again == {
        "name": "trick",
        "kept": True,
        "gain": pytest.approx(0.15),
        "error": pytest.approx(0.0289, abs=1e-4),
        "n_anomalies": 4,
    }


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("refit", True, 0.0124, 0.004, 9), "refit kept: +1.2 +- 0.4 points"),
        (Verdict("refit", False, -0.2, 0.1, 9), "refit left out: -20.0 +- 10.0 points"),
    ],
)
def test_a_verdict_in_words(verdict, words):
    assert verdict.explain() == f"{words} on labels held out"


@settings(max_examples=60)
@given(
    arrays(np.float32, (2, 14), elements=st.integers(-40, 40).map(float)),
    st.permutations(range(14)),
)
def test_only_the_order_of_scores_counts_and_not_that_of_images(scores, order):
    baseline, candidate = scores
    verdict = judge("trick", baseline, candidate, CODES)
    assert verdict == judge("trick", 2 * baseline - 9, candidate**3, CODES)
    moved = judge("trick", baseline[order], candidate[order], CODES[order])
    assert moved.gain == pytest.approx(verdict.gain, abs=1e-12)
    opposite = judge("trick", candidate, baseline, CODES)
    assert opposite.gain == pytest.approx(-verdict.gain, abs=1e-12)
    assert verdict.is_kept or opposite.is_kept


def test_one_anomaly_that_loses_is_judged_alike_however_much_it_loses():
    codes = np.array([1] * 7 + [0] * 11, np.int8)
    baseline = np.array([20] * 7 + list(range(11)), np.float32)
    kept = set()
    for lowered in OTHERS + 0.5:
        candidate = baseline.copy()
        candidate[0] = lowered
        kept.add(judge("trick", baseline, candidate, codes).is_kept)
    assert len(kept) == 1
