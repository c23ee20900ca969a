"""Anomaly maps spread over cells that look alike: a large defect is found at its border, not inside.

Source: random walk with restart, as in Zhou et al. 2004 ("Learning with local and global consistency", the
iteration). Differs from it: only cells nearby are walked to, chances are of one step (not symmetric),
few steps are taken, and what was found without the walk stands where it is higher.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.descriptors import Described

Float = NDArray[np.float32]

# Cells that a step may lead to: up to so many rows and columns away.
_REACH = 2
# Cells as unlike as this share of what neighbors usually are, are e times less likely to be walked to.
_UNLIKE_RATIO = 0.15
# Chance that a step is taken rather than the walk begun anew, and steps after which little moves.
_STEP_RATIO, _N_STEPS = 0.95, 15
# What a walk brings is a mean of many cells, lower than what it was found by.
_GAIN = 1.5
# Share of the image's median that is taken off: what is the same everywhere says little of where.
_MEDIAN_RATIO = 0.25


def spread(maps: Float, described: Described) -> Float:
    """Return (n, g, g) maps in which cells that look like defective neighbors are defective too.

    Parameters
    ----------
    maps : (n, g, g) float32, 0 on average over normals
    described : (n, g * g, w) int8, see `CellDescriptor.describe`

    Notes
    -----
    Large faint areas differ from normal most at their border, where gradients are. A walk from a cell inside
    soon meets the border, one from a cell outside seldom crosses it.
    Cost: O(p² w) an image of p cells. No image's map depends on the others.
    """
    neighbors = _neighbors(maps.shape[1])
    found = [
        _spread(heat.ravel(), looks.astype(np.float32), neighbors)
        for heat, looks in zip(maps, described, strict=True)
    ]
    return np.array(found, np.float32).reshape(maps.shape)


def _spread(heat: Float, looks: Float, neighbors: NDArray[np.intp]) -> Float:
    """Return (p,) of one image; looks are (p, w), neighbors as `_neighbors` gives them."""
    chances = _chances(looks, neighbors)
    walked = heat
    for _ in range(_N_STEPS):
        met = np.einsum("pk,pk->p", chances, walked[neighbors])
        walked = (1 - _STEP_RATIO) * heat + _STEP_RATIO * met
    raised = np.maximum(heat, _GAIN * walked)
    return np.asarray(raised - _MEDIAN_RATIO * np.median(heat), np.float32)


def _chances(looks: Float, neighbors: NDArray[np.intp]) -> Float:
    """Return (p, k) chances of a step to each neighbor, 1 in sum; a cell itself is none of them."""
    # exact: products of int8 add up to less than 2 ** 24
    products = looks @ looks.T
    squares = np.diagonal(products)
    apart = squares[:, None] + squares[neighbors] - 2 * np.take_along_axis(products, neighbors, 1)
    apart[neighbors == np.arange(len(looks))[:, None]] = np.inf
    usual = max(float(np.median(apart[np.isfinite(apart)])), 1.0)
    # from the nearest on: all would be 0 of a cell that is like none of its neighbors
    nearer = apart.min(axis=1, keepdims=True) - apart
    likely = np.exp(nearer / np.float32(_UNLIKE_RATIO * usual))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


@lru_cache(maxsize=8)
def _neighbors(side: int) -> NDArray[np.intp]:
    """Return (p, k) cells around each cell; beyond the image's edge the cell itself stands for them."""
    rows, columns = np.divmod(np.arange(side * side), side)
    around = np.arange(-_REACH, _REACH + 1)
    y = rows[:, None, None] + around[:, None]
    x = columns[:, None, None] + around
    is_inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
    own = np.arange(side * side)[:, None, None]
    found = np.where(is_inside, y * side + x, own).reshape(side * side, -1)
    found.flags.writeable = False  # every caller gets the same one
    return found
