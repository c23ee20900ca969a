"""k-centre and nearest neighbors by trying everything, in double precision."""

from itertools import combinations

import numpy as np


def slow_distances(queries, bank):
    """Return (n, m) Euclidean distances, one pair at a time."""
    return np.array(
        [
            [np.sqrt(((q.astype(float) - row.astype(float)) ** 2).sum()) for row in bank]
            for q in queries
        ]
    )


def slow_radius(points, chosen):
    """Return the distance of the worst-covered point to its nearest chosen one."""
    return slow_distances(points, chosen).min(axis=1).max()


def slow_optimal_radius(points, n_selected):
    """Return the smallest radius that any subset of the points reaches."""
    distances = slow_distances(points, points)
    return min(
        distances[:, list(chosen)].min(axis=1).max()
        for chosen in combinations(range(len(points)), n_selected)
    )


def slow_greedy(points, n_selected, first):
    """Return the indices of farthest-first traversal from a given first point."""
    chosen = [first]
    while len(chosen) < n_selected:
        gaps = slow_distances(points, points[chosen]).min(axis=1)
        if gaps.max() == 0:
            break
        chosen.append(int(gaps.argmax()))
    return chosen
