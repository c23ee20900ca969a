import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.pseudolabels import (
    match_lower,
    match_upper,
    percentile_thresholds,
)


def test_the_threshold_lies_midway_below_the_scores_like_the_labeled():
    unlabeled = [0.0, 1.0, 2.0, 8.0, 9.0, 10.0]
    assert match_upper([8.0, 9.0, 9.5], unlabeled) == 5.0
    assert match_lower([0.5, 1.0, 2.0], unlabeled) == 5.0


def test_all_scores_can_be_taken():
    assert match_upper([1.0, 2.0], [1.0, 2.0]) < 1.0
    assert match_lower([1.0, 2.0], [1.0, 2.0]) > 2.0


def test_at_least_one_score_is_taken_however_far_the_labeled_are():
    assert match_upper([100.0], [1.0, 2.0, 3.0]) == 2.5
    assert match_lower([-100.0], [1.0, 2.0, 3.0]) == 1.5


def test_among_equally_good_thresholds_the_one_that_labels_fewest():
    """{2} and {0, 2} are both at distance 1 from {1}."""
    assert match_upper([1.0], [0.0, 2.0]) == 1.0
    assert match_lower([1.0], [0.0, 2.0]) == 1.0


def test_equal_scores_are_never_parted():
    threshold = match_upper([5.0], [0.0, 5.0, 5.0, 5.0])
    assert threshold == 2.5


def test_percentiles_are_those_of_the_released_code():
    assert percentile_thresholds(np.arange(101)) == (5.0, 99.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    for threshold in (percentile_thresholds, lambda s: match_upper([1.0], s)):
        with pytest.raises(ParameterError, match="nan or infinity"):
            threshold([0.0, bad])
    with pytest.raises(ParameterError, match="labeled scores hold nan"):
        match_lower([bad], [0.0])


def test_nothing_to_match_is_refused():
    with pytest.raises(ParameterError, match="no labeled scores to match; give at least one"):
        match_upper([], [1.0])
    with pytest.raises(ParameterError, match="no unlabeled scores"):
        match_lower([1.0], [])
