"""A bounded memory of normal patches; what is far from all of them is odd.

Source: Roth et al. 2022 (PatchCore). Differs from it: features are whitened to 128 dimensions by a covariance
over normals (PatchCore projects at random, and only to choose); the coreset is chosen shard by shard in
bounded memory, and its covering radius is known; a place's position is part of the patch, at a weight (0
gives PatchCore's position-free memory).
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.domain import ParameterError
from defectory.memory import Coreset, NeighborIndex, StreamingCoreset

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]

N_WHITENING = 65_536
"""Patches that the whitening is estimated from before the memory is filled: many more than its dimensions."""
# Of an image that is learned later, the patches farthest from all others are kept.
_MOST_ABSORBED = 64
# However many images are learned later, the memory grows to so many times its size.
_MOST_GROWTH = 2


class PatchBank:
    """Distances of patches to their nearest neighbors in a coreset of normal patches.

    Parameters
    ----------
    n_bank : >= 1, patches kept
    n_dims : >= 1, dimensions after whitening
    n_neighbors : >= 1, distances are the mean over so many nearest patches
    position_weight : >= 0
        how much being elsewhere counts: 1 makes half the image's side as far as a typical patch is from the
        mean of all
    seed : of the coreset's first choices

    Raises
    ------
    ParameterError : a setting is out of range.

    Notes
    -----
    Patches are given as grids, (rows, columns, d) float32. Cost: learning n grids of p patches takes
    O(n p m / s) time for s shards and O(m + shards) memory whatever n is; distances O(p m) an image.
    """

    def __init__(
        self,
        *,
        n_bank: int = 4096,
        n_dims: int = 128,
        n_neighbors: int = 1,
        position_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        if min(n_bank, n_dims, n_neighbors) < 1:
            raise ParameterError("n_bank, n_dims and n_neighbors must be positive")
        if position_weight < 0:
            raise ParameterError("position_weight must not be negative")
        self.n_bank = n_bank
        self.n_dims = n_dims
        self.n_neighbors = n_neighbors
        self.position_weight = position_weight
        self.seed = seed
        self._tags = np.empty(0, np.intp)  # of the rows' images; -1 where that is not known

    def learn(self, n_images: int) -> "PatchBankFitter":
        """Return what takes the grids of so many images, one by one."""
        return PatchBankFitter(self, n_images)

    @property
    def basis(self) -> Arrays:
        """The whitening, in whose terms patches are remembered."""
        return {"mean": self.mean_, "projection": self.projection_}

    def take_basis(self, basis: Mapping[str, NDArray[Any]]) -> Self:
        """Take the whitening of another memory, before anything is learned."""
        self.mean_, self.projection_ = basis["mean"], basis["projection"]
        return self

    @property
    def coreset(self) -> Coreset:
        """What is remembered, and of which images; -1 where that is not known."""
        return Coreset(self.index_.bank, self._tags, self.coverage_radius_)

    def take(self, coreset: Coreset) -> Self:
        """Remember these patches, each with the tag of its image."""
        self.index_ = NeighborIndex(coreset.points)
        self.coverage_radius_ = coreset.radius
        self._tags = coreset.indices
        return self

    def distances(self, grid: Float, *, without: int | None = None) -> Float:
        """Return the (rows, columns) distances of an image's patches.

        Parameters
        ----------
        grid : (rows, columns, d) float32
        without : tag of the image whose patches do not count
        """
        left_out = None if without is None else self._tags == without
        if left_out is not None and left_out.all():
            left_out = None
        n_left = len(self.index_.bank) - (0 if left_out is None else int(left_out.sum()))
        k = min(self.n_neighbors, n_left)
        found = self.index_.distances(self.embed(grid), k, without=left_out)
        mean: Float = found.mean(axis=1)
        return mean.reshape(grid.shape[:2])

    @property
    def tags(self) -> Float:
        """(m,) the tags of the patches' images; -1 where that is not known."""
        return self._tags.astype(np.float32)

    @property
    def free_tag(self) -> int:
        """The lowest tag above those of all images."""
        return int(self._tags.max(initial=-1)) + 1

    def absorb(self, grid: Float, tag: int = -1) -> "PatchBank":
        """Return the memory with the patches of one more image that are farther than its radius from all."""
        embedded = self.embed(grid)
        away = self.index_.distances(embedded, 1)[:, 0]
        room = max(0, _MOST_GROWTH * self.n_bank - len(self.index_.bank))
        farthest = np.argsort(-away, kind="stable")[: min(_MOST_ABSORBED, room)]
        new = embedded[farthest[away[farthest] > self.coverage_radius_]]
        found = copy(self)
        found.index_ = NeighborIndex(np.concatenate([self.index_.bank, new]))
        found._tags = np.concatenate([self._tags, np.full(len(new), tag, np.intp)])
        return found

    def embed(self, grid: Float) -> Float:
        """Return (rows * columns, n_dims + 2): whitened features and the weighted position."""
        n_rows, n_columns, d = grid.shape
        white = (grid.reshape(-1, d) - self.mean_) @ self.projection_
        return np.column_stack([white, self.positions(n_rows, n_columns)])

    def positions(self, n_rows: int, n_columns: int) -> Float:
        """Return (rows * columns, 2): the weighted position of each patch."""
        down, across = (
            (np.arange(n, dtype=np.float32) + 0.5) / n * 2 * self.position_weight
            for n in (n_rows, n_columns)
        )
        return np.column_stack([np.repeat(down, n_columns), np.tile(across, n_rows)])

    def arrays(self) -> Arrays:
        """Return the whitening and the memory; `tags` besides, for whoever leaves images out later."""
        return {
            "mean": self.mean_,
            "projection": self.projection_,
            "bank": self.index_.bank,
            "coverage_radius": np.array([self.coverage_radius_], np.float32),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], width: int) -> Self:
        """Take the state that `arrays` gave, for patches of `width` features."""
        self.mean_ = check_array(arrays, "mean", (width,))
        self.projection_ = check_array(arrays, "projection", (width, None))
        n_columns = self.projection_.shape[1] + 2
        self.index_ = NeighborIndex(check_array(arrays, "bank", (None, n_columns)))
        self._tags = np.full(len(self.index_.bank), -1, np.intp)
        if "tags" in arrays:
            self._tags = check_array(arrays, "tags", self._tags.shape).astype(np.intp)
        self.coverage_radius_ = float(check_array(arrays, "coverage_radius", (1,))[0])
        return self

    def learn_whitening(self, patches: Float) -> None:
        """Set mean and projection: principal directions, scaled to unit variance together."""
        self.mean_ = patches.mean(axis=0)
        centered = patches - self.mean_
        variances, directions = np.linalg.eigh(centered.T @ centered / len(patches))
        n = min(self.n_dims, len(variances))
        kept = np.maximum(variances[-n:], 1e-6 * max(float(variances[-1]), 1e-6))
        # A square root of full whitening: small directions matter, but are not raised to equals.
        scale = kept**-0.25
        scale /= np.sqrt((kept * scale**2).sum())
        self.projection_ = (directions[:, -n:] * scale).astype(np.float32)


class PatchBankFitter:
    """Fills a bank from a stream of grids; the first ones wait until the whitening is known."""

    def __init__(self, bank: PatchBank, n_images: int) -> None:
        self._bank = bank
        self._coreset = StreamingCoreset(bank.n_bank, seed=bank.seed)
        self._waiting: list[tuple[Float, int, Bools | None]] = []
        self._n_images = n_images
        self._is_white = hasattr(bank, "projection_")

    def add(self, grid: Float, tag: int, remembers: Bools | None = None) -> None:
        """Take the grid of one image; `tag` says which.

        Parameters
        ----------
        remembers : (rows, columns) bool, patches that may be kept; None for all
        """
        self._waiting.append((grid, tag, remembers))
        n_waiting = len(self._waiting) * grid.shape[0] * grid.shape[1]
        if not self._is_white and n_waiting < N_WHITENING and len(self._waiting) < self._n_images:
            return
        if not self._is_white:
            self._bank.learn_whitening(self._sample())
            self._is_white = True
        for waiting, own, kept in self._waiting:
            embedded = self._bank.embed(waiting)
            self._coreset.add(embedded if kept is None else embedded[kept.ravel()], own)
        self._waiting = []

    def finish(self) -> PatchBank:
        """Return the bank."""
        return self._bank.take(self._coreset.finish())

    def _sample(self) -> Float:
        d = self._waiting[0][0].shape[2]
        return np.concatenate([grid.reshape(-1, d) for grid, _, _ in self._waiting])
