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
# Images taken at once: enough to keep Python out of the way, few enough to stay in the processor's cache.
_BLOCK = 16


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
    heats = maps.reshape(len(maps), described.shape[1])
    neighbors = _neighbors(maps.shape[1])
    found = np.empty(heats.shape, np.float32)
    for start in range(0, len(maps), _BLOCK):
        block = slice(start, start + _BLOCK)
        found[block] = _spread(heats[block], described[block].astype(np.float32), neighbors)
    return found.reshape(maps.shape)


def _spread(heats: Float, looks: Float, neighbors: NDArray[np.intp]) -> Float:
    """Return (n, p); looks are (n, p, w), neighbors as `_neighbors` gives them."""
    chances = _chances(looks, neighbors)
    walked = heats
    for _ in range(_N_STEPS):
        # np.take lays every image out alike: sums must not depend on how many there are
        met = np.einsum("npk,npk->np", chances, np.take(walked, neighbors, axis=1))
        walked = (1 - _STEP_RATIO) * heats + _STEP_RATIO * met
    raised = np.maximum(heats, _GAIN * walked)
    return np.asarray(raised - _MEDIAN_RATIO * np.median(heats, axis=1, keepdims=True), np.float32)


def _chances(looks: Float, neighbors: NDArray[np.intp]) -> Float:
    """Return (n, p, k) chances of a step to each neighbor, 1 in sum; a cell itself is none of them."""
    # exact: products of int8 add up to less than 2 ** 24
    products = looks @ looks.transpose(0, 2, 1)
    squares = np.diagonal(products, axis1=1, axis2=2)
    apart = squares[:, :, None] + np.take(squares, neighbors, axis=1)
    apart -= 2 * np.take_along_axis(products, neighbors[None], 2)
    is_self = neighbors == np.arange(len(neighbors))[:, None]
    usual = np.maximum(np.median(apart[:, ~is_self], axis=1), np.float32(1))[:, None, None]
    apart[:, is_self] = np.inf
    # from the nearest on: all would be 0 of a cell that is like none of its neighbors
    nearer = apart.min(axis=2, keepdims=True) - apart
    likely = np.exp(nearer / (np.float32(_UNLIKE_RATIO) * usual))
    return np.asarray(likely / likely.sum(axis=2, keepdims=True))


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
