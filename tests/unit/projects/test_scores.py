"""Scores and maps come back as they were kept; maps to a thousandth of their highest value."""

import numpy as np
import pytest

from defectory.projects.scores import (
    add_scores,
    count_scored,
    drop_maps,
    read_map,
    read_score,
    read_scores,
    unscored,
)
from tests.unit.projects.rows import version_row


def test_scores_come_in_the_order_of_the_images(store):
    with store.writing() as connection:
        add_scores(connection, 1, [3, 1], [0.1, -2.5], [None, None])
        np.testing.assert_array_equal(read_scores(connection, 1), [-2.5, np.nan, 0.1])
        assert read_score(connection, 1, 3) == 0.1
        assert np.isnan(read_score(connection, 1, 2))
        assert unscored(connection, 1) == [2]
        assert count_scored(connection, 1) == 2


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9, 0.0])
def test_maps_of_any_scale_come_back(store, factor):
    heat = (np.random.default_rng(0).normal(size=(5, 7)) * factor).astype("f4")
    with store.writing() as connection:
        add_scores(connection, 1, [2], [1.0], [heat])
        found = read_map(connection, 1, 2)
        assert read_map(connection, 1, 1) is None
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, heat, atol=1e-3 * np.abs(heat).max())


def test_maps_of_versions_that_are_away_are_dropped_and_scores_stay(store):
    heat = np.ones((2, 2), "f4")
    with store.writing() as connection:
        version_row(connection, 2, parent=1)
        for version in (1, 2):
            add_scores(connection, version, [1], [1.0], [heat])
        drop_maps(connection, [2])
        assert read_map(connection, 1, 1) is None
        assert read_map(connection, 2, 1) is not None
        assert read_score(connection, 1, 1) == 1.0
