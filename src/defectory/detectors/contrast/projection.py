"""Grids of frozen features -> a few coordinates, and what they leave over."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features

Float = NDArray[np.float32]

# Images whose worth a feature's spread over all features counts, so that few images do not divide by chance.
_PRIOR_IMAGES = 10
_N_SPARE = 10  # directions beyond those wanted, and rounds, of the subspace iteration
_N_ROUNDS = 4


@dataclass(frozen=True)
class Projection:
    """Standardize each feature, turn to principal directions; what they leave over as one more coordinate.

    The directions keep their own spreads: whitened by a collection with a clump of outliers, the very
    direction that shows them would be the most squeezed.

    The length of what the directions leave over keeps oddities in sight that no direction of the collection
    shows: with few images these are most.

    Attributes
    ----------
    mean, scale : (d,) of each feature
    axes : (d, n_dims), orthonormal
    center : (n_dims + 1,) of the coordinates
    spread : (1,) of the coordinates, all together
    """

    mean: Float
    scale: Float
    axes: Float
    center: Float
    spread: Float

    @classmethod
    def fit(cls, samples: Float, n_dims: int, rng: np.random.Generator) -> "Projection":
        """Return the projection of (n, d) samples; at most one direction for four of them."""
        mean, deviation = samples.mean(axis=0), samples.var(axis=0)
        n, d = samples.shape
        mixed = (n * deviation + _PRIOR_IMAGES * deviation.mean()) / (n + _PRIOR_IMAGES)
        scale = np.sqrt(np.maximum(mixed, 1e-8)) * np.sqrt(d)
        centered = (samples - mean) / scale
        axes = _principal_axes(centered, max(1, min(n_dims, n // 4, d - 1)), rng)
        zero, one = np.zeros(axes.shape[1] + 1, np.float32), np.ones(1, np.float32)
        rough = cls(mean.astype(np.float32), scale.astype(np.float32), axes, zero, one)
        found = rough(samples)
        spread = max(float(np.sqrt(found.var(axis=0).mean())), 1e-4)
        return cls(rough.mean, rough.scale, axes, found.mean(axis=0), one * np.float32(spread))

    def __call__(self, samples: Float) -> Float:
        """Return (n, n_dims + 1) coordinates of (n, d) samples."""
        centered = (samples - self.mean) / self.scale
        along = centered @ self.axes
        squared = np.square(centered).sum(axis=1) - np.square(along).sum(axis=1)
        left_over = np.sqrt(np.maximum(squared, 0))[:, None]
        found: Float = (np.concatenate([along, left_over], axis=1) - self.center) / self.spread
        return found

    def arrays(self) -> dict[str, Float]:
        """Return the state by name."""
        return vars(self).copy()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Projection":
        """Return the projection that `arrays` gave."""
        return cls(*(arrays[name] for name in ("mean", "scale", "axes", "center", "spread")))


def pool_grids(features: Features, side: int) -> Float:
    """Return (d,) one vector of an image: all its stages, averaged onto side x side cells."""
    return np.concatenate([_pool(grid, side).ravel() for grid in features.values()])


def cell_edges(n: int, side: int) -> list[tuple[int, int]]:
    """Return first row and end of each of `side` cells over n rows; they overlap where n is no multiple."""
    edges = np.arange(side + 1) * n / side
    return [(int(lo), max(int(lo) + 1, int(np.ceil(hi)))) for lo, hi in pairwise(edges)]


def _pool(grid: Float, side: int) -> Float:
    """Return (side, side, c): means over cells, or the nearest cell where the grid is smaller."""
    for axis in (0, 1):
        edges = cell_edges(grid.shape[axis], side)
        parts = [grid.take(np.arange(*cell), axis=axis) for cell in edges]
        grid = np.stack([part.mean(axis=axis) for part in parts], axis=axis)
    return grid


def _principal_axes(centered: Float, n_dims: int, rng: np.random.Generator) -> Float:
    """Return (d, n_dims): the leading right singular vectors, by subspace iteration (Halko et al. 2011)."""
    d = centered.shape[1]
    basis = rng.standard_normal((d, min(d, n_dims + _N_SPARE))).astype(np.float32)
    for _ in range(_N_ROUNDS):
        basis, _ = np.linalg.qr(centered.T @ (centered @ basis))
    _, _, turned = np.linalg.svd(centered @ basis, full_matrices=False)
    axes: Float = (basis @ turned.T[:, :n_dims]).astype(np.float32)
    return axes
