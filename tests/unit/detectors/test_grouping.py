import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.detectors.grids import BATCH
from defectory.detectors.grouping import (
    MOST_TOGETHER,
    deal_groups,
    draw_whole_groups,
    largest_group,
    together,
    whole_groups,
)


@st.composite
def drawing(draw):
    """Return images to draw from, the groups of all images, and a limit."""
    groups = np.array(draw(st.lists(st.integers(0, 9), min_size=1, max_size=40)))
    images = draw(st.sets(st.integers(0, len(groups) - 1), min_size=1))
    return np.array(sorted(images)), groups, draw(st.integers(1, 50))


def _members(groups, images):
    """Return group -> how many of the images are of it."""
    return dict(zip(*np.unique(groups[images], return_counts=True), strict=True))


def _lie_together(numbers):
    changes = 1 + np.count_nonzero(np.diff(numbers))
    return changes == len(np.unique(numbers))


@given(drawing(), st.integers(0, 99))
def test_no_group_is_drawn_in_part(drawn_from, seed):
    images, groups, limit = drawn_from
    found = draw_whole_groups(images, groups, limit, np.random.default_rng(seed))
    of_all, drawn = _members(groups, images), _members(groups, found)
    assert set(found) <= set(images)
    assert len(set(found)) == len(found)
    most = max(limit // 2, MOST_TOGETHER)
    assert all(min(of_all[number], most) == n for number, n in drawn.items())
    assert _lie_together(groups[found])
    assert len(found) <= limit or len(drawn) == 1


@given(drawing(), st.integers(0, 99))
def test_groups_are_drawn_until_no_other_fits(drawn_from, seed):
    images, groups, limit = drawn_from
    found = draw_whole_groups(images, groups, limit, np.random.default_rng(seed))
    of_all, drawn = _members(groups, images), _members(groups, found)
    assert drawn
    most = max(limit // 2, MOST_TOGETHER)
    left = [min(n, most) for number, n in of_all.items() if number not in drawn]
    assert all(n + len(found) > limit for n in left)


def test_where_all_fits_all_is_drawn():
    images, groups = np.array([0, 2, 3, 5]), np.array([1, 1, 0, 1, 0, 0])
    found = draw_whole_groups(images, groups, 4, np.random.default_rng(0))
    assert found.tolist() == [0, 3, 2, 5]


def test_images_of_their_own_are_drawn_as_if_there_were_no_groups():
    images = np.arange(3, 30)
    expected = np.sort(np.random.default_rng(4).permutation(images)[:9])
    found = draw_whole_groups(images, 7 * np.arange(30)[::-1], 9, np.random.default_rng(4))
    np.testing.assert_array_equal(found, expected)


def test_every_group_has_a_chance():
    images, groups = np.arange(12), np.arange(12) % 4
    drawn = [draw_whole_groups(images, groups, 3, np.random.default_rng(i)) for i in range(40)]
    assert {int(groups[found[0]]) for found in drawn} == {0, 1, 2, 3}


@pytest.mark.parametrize("size", [60, 500])
def test_a_large_group_is_not_drawn_alone(size):
    """Nothing would be left to learn from without it."""
    images, groups = np.arange(2 * size), np.repeat([0, 1], size)
    for seed in range(5):
        found = draw_whole_groups(images, groups, 100, np.random.default_rng(seed))
        assert _members(groups, found) == {0: 50, 1: 50}
        assert np.ptp(found[:50]) > 0.7 * size  # at random


@given(drawing())
def test_images_of_a_group_follow_each_other_in_order_of_their_first(drawn_from):
    images, groups, _ = drawn_from
    found = together(images, groups)
    assert sorted(found) == images.tolist()
    assert _lie_together(groups[found])
    by_group = [found[groups[found] == number] for number in dict.fromkeys(groups[found].tolist())]
    assert all((np.diff(members) > 0).all() for members in by_group)
    firsts = [members[0] for members in by_group]
    assert firsts == sorted(firsts)


def test_images_of_their_own_stay_in_order():
    images = np.array([2, 3, 7])
    np.testing.assert_array_equal(together(images, np.arange(9)[::-1]), images)


@pytest.mark.parametrize(("groups", "n"), [([], 0), ([4], 1), ([1, 0, 1, 2, 1], 3)])
def test_the_largest_group(groups, n):
    assert largest_group(np.array(groups, np.int64)) == n


def _batches(n, size):
    """Return n images, each a dict that knows its number, in batches of a size."""
    images = [{"number": i} for i in range(n)]
    return (images[i : i + size] for i in range(0, n, size))


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(1, 50))
def test_batches_part_no_group_and_lose_no_image(sizes, size):
    groups = np.repeat(np.arange(len(sizes)) * 3, sizes).tolist()
    found = list(whole_groups(_batches(len(groups), size), groups))
    numbers = [features["number"] for batch, _ in found for features in batch]
    assert numbers == list(range(len(groups)))
    assert [number for _, own in found for number in own] == groups
    assert all(len(batch) == len(own) for batch, own in found)
    parted = [set(own.tolist()) for _, own in found]
    assert sum(map(len, parted)) == len(set().union(*parted))


def test_batches_are_no_larger_than_they_have_to_be():
    sizes = [BATCH - 1, 3, BATCH, 1]
    groups = np.repeat(np.arange(4), sizes).tolist()
    found = [len(batch) for batch, _ in whole_groups(_batches(len(groups), 5), groups)]
    assert found == [BATCH + 2, BATCH, 1]


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 6), st.randoms())
def test_no_group_is_parted_among_folds_and_folds_are_even(groups, n_folds, random):
    order = sorted(set(groups))
    random.shuffle(order)
    folds = deal_groups(np.array(groups, np.int64), order, n_folds)
    assert len(folds) == len(groups)
    assert len({(number, fold) for number, fold in zip(groups, folds, strict=True)}) == len(order)
    assert set(folds) <= set(range(n_folds))
    counts = np.bincount(folds, minlength=n_folds)
    largest = max((groups.count(number) for number in order), default=0)
    assert counts.max() - counts.min() <= largest


def test_images_of_their_own_are_dealt_in_order():
    order = [4, 1, 0, 3, 2]
    folds = deal_groups(np.arange(5), order, 2)
    assert folds[order].tolist() == [0, 1, 0, 1, 0]


def test_large_groups_are_dealt_first():
    groups = np.array([0, 1, 2, 2, 2, 3, 3])
    folds = deal_groups(groups, [0, 1, 2, 3], 2)
    assert folds.tolist() == [1, 1, 0, 0, 0, 1, 1] or np.bincount(folds).tolist() == [4, 3]


def test_images_of_other_groups_are_in_no_fold():
    assert deal_groups(np.array([5, 8, 5, 9]), [5, 9], 2).tolist() == [0, -1, 0, 1]
