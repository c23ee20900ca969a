"""Outliers that are alike, put together: spherical k-means over what memory could not read."""

import numpy as np
from numpy.typing import NDArray

_N_ROUNDS = 50
_MAX_GROUPS = 12
_MIN_EACH = 4


def group_alike(coordinates: NDArray[np.floating], n_groups: int | None = None) -> NDArray[np.intp]:
    """Return (n,) group numbers from 1, the largest group first.

    Parameters
    ----------
    coordinates : (n, d), what memory leaves over of each, whitened; only the direction counts
    n_groups : >= 1, or None for about the square root of half of n, at most 12

    Notes
    -----
    Source: Dhillon & Modha 2001 (spherical k-means). Starts farthest first from the most typical
    direction, so nothing is random.
    """
    n = len(coordinates)
    if n == 0:
        return np.empty(0, np.intp)
    wanted = n_groups or min(_MAX_GROUPS, max(1, round(np.sqrt(n / 2))), max(1, n // _MIN_EACH))
    directions = _unit(np.asarray(coordinates, np.float64))
    centers = _farthest_first(directions, min(wanted, n))
    chosen = np.argmax(directions @ centers.T, axis=1)
    for _ in range(_N_ROUNDS):
        centers = _unit(
            np.stack(
                [
                    directions[chosen == k].sum(axis=0) if (chosen == k).any() else centers[k]
                    for k in range(len(centers))
                ]
            )
        )
        moved = np.argmax(directions @ centers.T, axis=1)
        if np.array_equal(moved, chosen):
            break
        chosen = moved
    order = np.argsort(-np.bincount(chosen, minlength=len(centers)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    numbers: NDArray[np.intp] = rank[chosen] + 1
    return numbers


def _farthest_first(directions: NDArray[np.float64], n_centers: int) -> NDArray[np.float64]:
    chosen = [int(np.argmax(directions @ directions.mean(axis=0)))]
    nearest = directions @ directions[chosen[0]]
    while len(chosen) < n_centers:
        chosen.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, directions @ directions[chosen[-1]])
    return directions[chosen]


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), 1e-12
    )
    return found
