"""Several stages of features on one square grid, and maps back to a finer grid."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features

Grid = NDArray[np.float32]
"""(g, g, d) float32"""


def stack_stages(features: Features, stages: tuple[str, ...], side: int) -> Grid:
    """Return the stages side by side on one grid.

    Finer stages are averaged over the cells of the grid, coarser ones interpolated bilinearly.

    Parameters
    ----------
    features : of one image
    stages : which, in this order
    side : cells of the grid in each direction; each stage's side divides it or is divided by it

    Returns
    -------
    (side, side, d) float32, d the sum of the stages' channels
    """
    return np.concatenate([_resample(features[name], side) for name in stages], axis=2)


def _resample(stage: Grid, side: int) -> Grid:
    n = stage.shape[0]
    if n == side:
        return stage
    if n > side:
        k = n // side
        pooled: Grid = stage.reshape(side, k, side, k, -1).mean(axis=(1, 3))
        return pooled
    spread = interpolation_matrix(n, side)
    rows = np.tensordot(spread, stage, axes=(1, 0))
    return np.ascontiguousarray(np.tensordot(rows, spread, axes=(1, 1)).transpose(0, 2, 1))


def interpolation_matrix(n_from: int, n_to: int) -> NDArray[np.float32]:
    """Return (n_to, n_from) weights of bilinear interpolation; cells are areas, edges are repeated."""
    where = np.clip((np.arange(n_to) + 0.5) * n_from / n_to - 0.5, 0, n_from - 1)
    low = np.minimum(where.astype(np.intp), max(n_from - 2, 0))
    weights = np.zeros((n_to, n_from), np.float32)
    rows = np.arange(n_to)
    weights[rows, low] = 1 - (where - low)
    weights[rows, np.minimum(low + 1, n_from - 1)] += where - low
    return weights


@lru_cache(maxsize=8)
def smoothing_matrix(n_from: int, n_to: int, sigma: float) -> NDArray[np.float32]:
    """Return (n_to, n_from): bilinear interpolation, then a Gaussian blur of sigma target cells.

    Maps are then smoothed and enlarged by two small matrix products. Edges are repeated.
    """
    distance = np.arange(n_to)[:, None] - np.arange(-3 * n_to, 4 * n_to)[None]
    kernel = np.exp(-0.5 * (distance / sigma) ** 2)
    nearest = np.clip(np.arange(-3 * n_to, 4 * n_to), 0, n_to - 1)
    blur = np.zeros((n_to, n_to))
    for column, target in enumerate(nearest):
        blur[:, target] += kernel[:, column]
    blur /= blur.sum(axis=1, keepdims=True)
    smoothing: NDArray[np.float32] = (blur @ interpolation_matrix(n_from, n_to)).astype(np.float32)
    smoothing.flags.writeable = False  # every caller gets the same one
    return smoothing
