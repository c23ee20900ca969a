"""P-values by their definition, and as another package computes them."""

import numpy as np
import pytest

from defectory.calibration.p_values import ConformalPValues, highest_of_groups
from defectory.domain import HeldOutScores

GOOD = [0.1, 0.4, 0.4, 0.7, 0.9, 1.2, 1.5, 1.9, 2.3]
GROUPS = [0, 0, 0, 1, 1, 2, 3, 3, 3]
SCORES = np.array([0.05, 0.4, 0.8, 1.5, 2.3, 2.4, 3.0, 3.1, 5.0, 6.0], np.float32)


def test_they_are_those_of_nonconform():
    """`Empirical().compute_p_values(SCORES, GOOD)` of nonconform 2.0.0."""
    found = ConformalPValues.fit(HeldOutScores.of(GOOD)).of(SCORES)
    assert found.tolist() == [1.0, 0.9, 0.6, 0.4, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_those_of_groups_are_the_weighted_ones_of_nonconform():
    """`calculate_weighted_p_val` of nonconform 2.0.0: a weight of 1 for the image, 1 / size for others."""
    found = ConformalPValues.fit(HeldOutScores.of(GOOD, groups=GROUPS)).of(SCORES)
    expected = [1.0, 0.9333333333333332, 0.7, 0.4, 0.2666666666666666, 0.2, 0.2, 0.2, 0.2, 0.2]
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_they_are_counts_by_definition(seed):
    rng = np.random.default_rng(seed)
    good = rng.integers(0, 9, 60).astype(np.float32)
    groups = rng.integers(-1, 12, 60)
    scores = np.arange(-1, 11)
    of_each = ConformalPValues.fit(HeldOutScores.of(good))
    assert of_each.of(scores) == pytest.approx([(1 + (good >= s).sum()) / 61 for s in scores])
    members = [groups == g for g in range(12)] + [
        np.arange(60) == i for i in np.flatnonzero(groups < 0)
    ]
    members = [mark for mark in members if mark.any()]
    of_groups = ConformalPValues.fit(HeldOutScores.of(good, groups=groups))
    assert of_groups.n_groups == len(members)
    expected = [
        (1 + sum((good[mark] >= s).mean() for mark in members)) / (len(members) + 1) for s in scores
    ]
    assert of_groups.of(scores) == pytest.approx(expected)


def test_one_score_is_one_p_value():
    assert float(ConformalPValues.fit(HeldOutScores.of([1.0, 2.0, 3.0])).of(2.0)) == 0.75


@pytest.mark.parametrize(
    ("is_confirmed", "basis"), [([1, 1], "confirmed"), ([1, 0], "estimated"), ([], "none")]
)
def test_what_they_rest_on_is_said(is_confirmed, basis):
    held_out = HeldOutScores.of(range(len(is_confirmed)), is_confirmed=is_confirmed)
    assert ConformalPValues.fit(held_out).basis == basis


def test_without_good_images_nothing_is_unusual():
    assert ConformalPValues.fit(HeldOutScores.of([])).of([-9.0, 9.0]).tolist() == [1, 1]


def test_of_each_group_its_highest_score_is_kept():
    held_out = HeldOutScores.of([3.0, 9.0, 1.0, 2.0, 4.0], groups=[7, 5, 7, -1, -1])
    assert sorted(highest_of_groups(held_out).scores.tolist()) == [2, 3, 4, 9]
    assert len(highest_of_groups(HeldOutScores.of([]))) == 0
