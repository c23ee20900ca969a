import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.domain import (
    CONTENT_DIGITS,
    HeldOutScores,
    ParameterError,
    number_groups,
    own_groups,
)

KNOWN = HeldOutScores.of(
    [3, 1, 2],
    [30, 10, 20],
    is_confirmed=[True, False, True],
    groups=[4, 0, 4],
    contents=["a" * 12, "b" * 12, "c" * 12],
)


def test_scores_alone_are_of_confirmed_normals_each_a_group_of_its_own():
    found = HeldOutScores.of([3, 1])
    assert len(found) == 2
    assert found.scores.dtype == found.peaks.dtype == np.float32
    assert len(found.peaks) == 0
    assert found.is_confirmed.tolist() == [True, True]
    assert found.groups.tolist() == [0, 1]
    assert {len(content) for content in found.contents} == {CONTENT_DIGITS}
    assert len(HeldOutScores.of([])) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"peaks": [1]}, {"peaks": [1, 2, 3]}, {"is_confirmed": [True]}, {"groups": [0, 1, 2]},
        {"groups": []}, {"contents": ["a" * 12]}, {"contents": ()},
    ],
    ids=repr,
)  # fmt: skip
def test_other_lengths_are_refused(wrong):
    with pytest.raises(ParameterError, match="2 held-out scores"):
        HeldOutScores.of([3, 1], **wrong)


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True])])
def test_what_is_known_of_an_image_is_taken_with_it(rows):
    found, expected = KNOWN.take(rows), np.arange(3)[rows].tolist()
    for name in ("scores", "peaks", "is_confirmed", "groups"):
        taken, all_of_them = getattr(found, name), getattr(KNOWN, name)
        assert taken.tolist() == all_of_them[expected].tolist()
        assert taken.dtype == all_of_them.dtype
    assert found.contents == tuple(KNOWN.contents[i] for i in expected)


def test_of_a_detector_without_maps_some_can_be_taken_too():
    found = HeldOutScores.of([3, 1, 2]).take(np.array([2]))
    assert (found.scores.tolist(), found.peaks.tolist()) == ([2], [])


GROUPS = st.lists(st.integers(-3, 3) | st.integers(-(2**62), 2**62), max_size=12)


@given(GROUPS)
def test_images_of_one_number_stay_together_and_others_get_their_own(groups):
    found = own_groups(len(groups), np.array(groups, np.int64))
    assert found.dtype == np.int64
    assert found.min(initial=0) >= 0
    for i, number in enumerate(groups):
        for k, other in enumerate(groups):
            belong_together = i == k or (number == other and number >= 0)
            assert (found[i] == found[k]) == belong_together


@given(GROUPS)
def test_numbers_of_groups_stay_as_they_are_once_given(groups):
    once = own_groups(len(groups), np.array(groups, np.int64))
    np.testing.assert_array_equal(own_groups(len(groups), once), once)


def test_without_groups_each_image_has_its_own():
    assert own_groups(3, None).tolist() == [0, 1, 2]
    assert own_groups(0, None).tolist() == own_groups(0, []).tolist() == []


@pytest.mark.parametrize(
    "groups", [[0, 1], [0, 1, 2, 3], [[0], [1], [2]], 5, [0.0, 1.0, 2.0], ["a", "b", "c"]], ids=repr
)
def test_groups_that_are_not_a_whole_number_each_are_refused(groups):
    with pytest.raises(ParameterError, match="do not fit 3 images"):
        own_groups(3, groups)


def test_named_groups_are_numbered_in_order_of_appearance():
    found = number_groups(["part b", None, "part a", "part b", ""])
    assert found.tolist() == [0, -1, 1, 0, 2]
    assert found.dtype == np.int64


@pytest.mark.parametrize("names", [[], [None, None]])
def test_where_nowhere_is_a_name_there_are_no_groups(names):
    assert number_groups(names) is None
