"""Alike outliers come together, the largest group first."""

import numpy as np

from defectory.workflows.outliers.groups import group_alike


def test_directions_make_groups_whatever_the_lengths():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [10, 30, 20])
    rows = np.eye(5)[truth] * rng.uniform(2, 9, (60, 1)) + 0.1 * rng.normal(size=(60, 5))
    found = group_alike(rows, 3)
    assert [len(set(found[truth == kind])) for kind in range(3)] == [1, 1, 1]
    assert np.bincount(found)[1:].tolist() == [30, 20, 10]
    assert (found[truth == 1] == 1).all()
    np.testing.assert_array_equal(group_alike(rows, 3), found)


def test_the_number_of_groups_follows_the_number_of_outliers():
    rng = np.random.default_rng(0)
    for n, most in ((0, 0), (1, 1), (5, 1), (8, 2), (50, 5), (1000, 12)):
        found = group_alike(rng.normal(size=(n, 6)))
        assert found.shape == (n,)
        assert found.max(initial=0) <= most
        assert n == 0 or found.min() == 1


def test_more_groups_than_outliers_and_equal_outliers_do_no_harm():
    assert sorted(group_alike(np.eye(3), 7)) == [1, 2, 3]
    assert set(group_alike(np.ones((4, 2)), 3)) == {1}
    assert group_alike(np.zeros((4, 2)), 2).shape == (4,)
