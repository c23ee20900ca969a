"""A k-center of k-centers covers every point of every part within the radius that it states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.memory import Coreset, coreset, merge_coresets, select_coreset


def _gap(points: np.ndarray, chosen: np.ndarray) -> float:
    return float(np.sqrt(((points[:, None] - chosen[None]) ** 2).sum(axis=2)).min(axis=1).max())


@settings(max_examples=30)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6), n_kept=st.integers(1, 12))
def test_all_points_lie_within_the_stated_radius(sizes, n_kept):
    rng = np.random.default_rng(sum(sizes))
    clouds = [rng.normal(size=(n, 3)).astype(np.float32) + i for i, n in enumerate(sizes)]
    parts = []
    for i, cloud in enumerate(clouds):
        part = select_coreset(cloud, n_kept)
        parts.append(Coreset(part.points, np.full(len(part.points), i, np.intp), part.radius))
    found = merge_coresets(parts, n_kept)
    everything = np.concatenate(clouds)
    assert len(found.points) == len(found.indices) <= n_kept
    assert _gap(everything, found.points) <= found.radius * (1 + 1e-4) + 1e-4
    for point, part in zip(found.points, found.indices, strict=True):
        assert (parts[part].points == point).all(axis=1).any()


def test_it_is_within_four_times_the_best_radius():
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(8, 4)) * 50
    clouds = [(c + rng.uniform(-1, 1, (100, 4))).astype(np.float32) for c in centers]
    points = rng.permutation(np.concatenate(clouds))
    parts = [select_coreset(part, 8) for part in np.array_split(points, 5)]
    found = merge_coresets(parts, 8)
    best = max(_gap(cloud, center[None]) for cloud, center in zip(clouds, centers, strict=True))
    assert _gap(points, found.points) <= 4 * best


def test_many_parts_are_thinned_on_the_way(monkeypatch):
    monkeypatch.setattr(coreset, "_MOST_MERGED", 40)
    rng = np.random.default_rng(0)
    clouds = [rng.normal(size=(30, 2)).astype(np.float32) for _ in range(9)]
    found = merge_coresets([select_coreset(cloud, 15) for cloud in clouds], 15)
    assert len(found.points) == 15
    assert _gap(np.concatenate(clouds), found.points) <= found.radius * (1 + 1e-4)


@pytest.mark.parametrize("n_kept", [5, 9])
def test_one_part_that_is_small_enough_stays_as_it_is(n_kept):
    part = select_coreset(np.eye(5, dtype=np.float32), 5)
    assert merge_coresets([part], n_kept) is part
