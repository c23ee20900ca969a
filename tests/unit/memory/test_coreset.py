"""Coresets: edges, and what the streaming form promises of streams of any length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.domain import ParameterError
from defectory.memory import StreamingCoreset, select_coreset


def cloud(n, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def true_radius(points, chosen):
    gaps = np.linalg.norm(points[:, None].astype(float) - chosen[None], axis=2)
    return gaps.min(axis=1).max()


def test_all_points_are_chosen_where_there_are_no_more():
    coreset = select_coreset(cloud(7), 100)
    assert sorted(coreset.indices.tolist()) == list(range(7))
    assert coreset.radius == 0


@pytest.mark.parametrize("width", [3, 64, 512])
def test_points_that_coincide_are_chosen_once(width):
    points = np.repeat(5 * cloud(3, width), 50, axis=0)
    coreset = select_coreset(np.random.default_rng(0).permutation(points), 20)
    assert len(coreset.indices) == 3
    assert coreset.radius == 0


def test_uniform_points_give_one():
    coreset = select_coreset(np.full((30, 5), 0.1, np.float32), 4)
    assert len(coreset.indices) == 1
    assert coreset.radius == 0


def test_the_radius_never_grows_with_the_choice():
    points = cloud(100)
    radii = [select_coreset(points, n).radius for n in range(1, 100, 7)]
    assert radii == sorted(radii, reverse=True)


def test_the_seed_decides_and_the_points_stay():
    points = cloud(50)
    before = points.copy()
    first, again, other = (select_coreset(points, 5, seed=s).indices.tolist() for s in (0, 0, 1))
    assert first == again != other
    np.testing.assert_array_equal(points, before)


@pytest.mark.parametrize(("n", "n_selected"), [(0, 3), (5, 0), (5, -1)])
def test_nothing_cannot_be_chosen(n, n_selected):
    with pytest.raises(ParameterError, match=f"cannot choose {n_selected} of {n}"):
        select_coreset(cloud(n), n_selected)


def stream(parts, **sizes):
    """Return the finished coreset, and the most candidates that were ever held."""
    coreset = StreamingCoreset(**sizes)
    n_held = 0
    for i, part in enumerate(parts):
        coreset.add(part, i)
        n_held = max(n_held, sum(len(points) for points, _ in coreset._candidates))
    return coreset.finish(), n_held


SMALL = {"n_selected": 10, "shard_size": 40, "shard_keep": 12, "max_candidates": 50}


@settings(max_examples=40)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=25), st.integers(0, 2**31))
def test_the_radius_covers_every_point_of_the_stream(part_sizes, seed):
    points = cloud(sum(part_sizes) + 1, seed=seed)
    parts = np.split(points, np.cumsum(part_sizes))
    coreset, n_held = stream(parts, **SMALL)
    assert true_radius(points, coreset.points) <= coreset.radius + 1e-3
    assert n_held <= SMALL["max_candidates"]
    assert len(coreset.points) <= SMALL["n_selected"]
    tags = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rows = [np.flatnonzero((points == chosen).all(axis=1))[0] for chosen in coreset.points]
    assert coreset.indices.tolist() == tags[rows].tolist(), "each point keeps its own tag"


@pytest.mark.parametrize("seed", range(30))
def test_the_radius_adds_up_over_merges(seed):
    """Two points kept of four, then two of those again: errors of one direction pile up."""
    points = np.random.default_rng(seed).uniform(0, 10, (60, 1)).astype(np.float32)
    sizes = {"n_selected": 2, "shard_size": 4, "shard_keep": 2, "max_candidates": 4}
    coreset, _ = stream(np.split(points, 30), **sizes, seed=seed)
    assert true_radius(points, coreset.points) <= coreset.radius + 1e-4


def test_a_drifting_stream_is_covered_from_end_to_end():
    """Later shards lie elsewhere; early ones must not be forgotten by the merges."""
    parts = [cloud(20, 2, seed=i) + np.float32(3 * i) for i in range(60)]
    coreset, n_held = stream(parts, **SMALL)
    assert n_held <= SMALL["max_candidates"]
    assert true_radius(np.concatenate(parts), coreset.points) <= coreset.radius
    assert coreset.radius < 60, "a bound that says something: the stream is 250 long"


def test_a_short_stream_is_chosen_from_as_a_whole():
    points = cloud(39)
    coreset, _ = stream([points[:20], points[20:]], **SMALL)
    whole = select_coreset(points, 10)
    np.testing.assert_array_equal(coreset.points, whole.points)
    assert coreset.radius == whole.radius
    assert coreset.indices.tolist() == (whole.indices >= 20).astype(int).tolist()


def test_a_stream_gives_the_same_twice():
    parts = [cloud(33, seed=i) for i in range(20)]
    first, again, other = (
        stream(parts, **SMALL, seed=seed)[0] for seed in (0, 0, 1)
    )  # fmt: skip
    np.testing.assert_array_equal(first.points, again.points)
    assert first.radius == again.radius
    assert first.points.tolist() != other.points.tolist()


def test_an_empty_stream_is_one_clear_error():
    with pytest.raises(ParameterError, match="empty stream"):
        StreamingCoreset(5).finish()


@pytest.mark.parametrize(
    "sizes",
    [{"n_selected": 0}, {"shard_keep": 0}, {"shard_keep": 40}, {"max_candidates": 39}],
)
def test_sizes_that_cannot_work_are_refused(sizes):
    with pytest.raises(ParameterError, match="need 0 < shard_keep"):
        StreamingCoreset(**{**SMALL, **sizes})
