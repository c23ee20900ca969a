"""Fast coreset and neighbors against the slow and obvious ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.memory import NeighborIndex, select_coreset
from tests.reference.memory_twins import (
    slow_distances,
    slow_greedy,
    slow_optimal_radius,
    slow_radius,
)

WIDTHS = st.integers(1, 4)
VALUES = st.floats(-100, 100, width=16)


def sets_of_points(min_rows, max_rows, width):
    shapes = st.tuples(st.integers(min_rows, max_rows), st.just(width))
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=VALUES))


def rounding(points):
    """What float32 leaves of a distance that should be zero."""
    return 2e-3 * max(1.0, float(np.abs(points - points.mean(axis=0)).max()))


@pytest.mark.parametrize("n_selected", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_the_radius_is_within_twice_the_optimum(n_selected, seed):
    points = np.random.default_rng(seed).normal(size=(10, 2)).astype(np.float32)
    coreset = select_coreset(points, n_selected, seed=seed)
    assert coreset.radius <= 2 * slow_optimal_radius(points, n_selected) + 1e-5


@given(WIDTHS.flatmap(lambda d: sets_of_points(1, 9, d)), st.integers(1, 10), st.integers(0, 3))
def test_laws_of_the_coreset(points, n_selected, seed):
    coreset = select_coreset(points, n_selected, seed=seed)
    assert 1 <= len(coreset.indices) <= min(n_selected, len(points))
    assert len(set(coreset.indices.tolist())) == len(coreset.indices)
    np.testing.assert_array_equal(coreset.points, points[coreset.indices])
    assert coreset.radius == pytest.approx(
        slow_radius(points, coreset.points), abs=rounding(points)
    )
    optimum = slow_optimal_radius(points, min(n_selected, len(points)))
    assert coreset.radius <= 2 * optimum + rounding(points)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_equals_the_twin(seed, offset):
    points = (np.random.default_rng(seed).normal(size=(60, 5)) + offset).astype(np.float32)
    coreset = select_coreset(points, 12, seed=seed)
    assert coreset.indices.tolist() == slow_greedy(points, 12, first=int(coreset.indices[0]))
    assert coreset.radius == pytest.approx(slow_radius(points, coreset.points), rel=1e-3)


@given(
    WIDTHS.flatmap(lambda d: st.tuples(sets_of_points(1, 12, d), sets_of_points(0, 6, d))),
    st.data(),
)
def test_neighbors_equal_brute_force(bank_and_queries, data):
    bank, queries = bank_and_queries
    k = data.draw(st.integers(1, len(bank)))
    found = NeighborIndex(bank).distances(queries, k)
    assert found.dtype == np.float32
    expected = np.sort(slow_distances(queries, bank).reshape(len(queries), len(bank)), axis=1)[
        :, :k
    ]
    tolerance = rounding(np.concatenate([bank, queries]))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=tolerance)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("k", [1, 3])
def test_neighbors_of_more_queries_than_one_chunk(offset, k):
    """An offset that all rows share must not cost precision."""
    rng = np.random.default_rng(0)
    bank, queries = (
        (rng.normal(size=(n, 8)) + offset).astype(np.float32) for n in (50, 600)
    )  # fmt: skip
    without = rng.random(50) < 0.3
    expected = np.linalg.norm(queries[:, None].astype(float) - bank[None], axis=2)
    found = NeighborIndex(bank).distances(queries, k)
    np.testing.assert_allclose(found, np.sort(expected, axis=1)[:, :k], rtol=1e-4)
    found = NeighborIndex(bank).distances(queries, k, without=without)
    np.testing.assert_allclose(found, np.sort(expected[:, ~without], axis=1)[:, :k], rtol=1e-4)
