"""`patch-memory`: a bounded memory of normal patches; what is far from all of them is odd.

Source: Roth et al. 2022 (PatchCore). Differs from it: EfficientNet-Lite0 for WideResNet-50; features are
whitened to 128 dimensions by a covariance over all normals (PatchCore projects at random, and only to
choose); the coreset is chosen shard by shard in bounded memory, and its covering radius is known; a place's
position is part of the patch, at a weight (0 gives PatchCore's position-free memory); the image score is the
mean over the highest patches rather than one re-weighted maximum.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore
from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.frozen import TwoPassDetector
from defectory.detectors.grids import stack_stages
from defectory.detectors.pooling import top_mean
from defectory.domain import ParameterError
from defectory.memory import NeighborIndex, StreamingCoreset

Float = NDArray[np.float32]

_STAGES = ("block7", "block10", "block15")
# Images whose patches the whitening is estimated from before the memory is filled: enough for 128 directions.
_N_WHITENING = 256


class PatchMemory(TwoPassDetector):
    """Distance of each patch to its nearest neighbors in a coreset of normal patches.

    Parameters
    ----------
    backbone, size_px, n_tiles, even_exposure, denoise, blur_px, cache : see `Gaussian`
    n_bank : >= 1, patches kept
    n_dims : >= 1, dimensions after whitening
    n_neighbors : >= 1, distances are the mean over so many nearest patches
    position_weight : >= 0
        how much being elsewhere counts: 1 makes half the image's side as far as a typical patch is from the
        mean of all
    top_ratio : (0, 1], share of the cells whose mean is the image score
    seed : of the coreset's first choices

    Notes
    -----
    Cost: fit O(n p m / s) time for s shards, memory O(m + shards) whatever n is; score O(p m) an image.
    """

    name: ClassVar[str] = "patch-memory"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=False,
        uses_masks=False,
        localizes=True,
        needs_torch=False,
    )
    stages: ClassVar[tuple[str, ...]] = _STAGES

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        n_tiles: int = 1,
        even_exposure: bool = True,
        denoise: bool = True,
        n_bank: int = 4096,
        n_dims: int = 128,
        n_neighbors: int = 1,
        position_weight: float = 1.0,
        top_ratio: float = 0.02,
        blur_px: float = 6.0,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone, size_px=size_px, n_tiles=n_tiles, even_exposure=even_exposure,
            denoise=denoise, blur_px=blur_px, seed=seed, cache=cache,
        )  # fmt: skip
        self.n_bank = n_bank
        self.n_dims = n_dims
        self.n_neighbors = n_neighbors
        self.position_weight = position_weight
        self.top_ratio = top_ratio

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries, whitening sample, shards and candidates, distances, a batch."""
        from defectory.backbones.memory_estimates import (
            library_bytes,  # only where memory is limited
        )

        positions = self.grid_side**2
        gathered = min(n_images, _N_WHITENING) * positions * 512 * 4
        candidates = 3 * 32768 * (self.n_dims + 2) * 4
        distances = 4 * 256 * self.n_bank * 4
        return (
            library_bytes(self.backbone) + 2 * gathered + candidates + distances + self._batch_bytes
        )

    def arrays(self) -> Arrays:
        """Return the whitening and the memory."""
        return {
            "mean": self.mean_,
            "projection": self.projection_,
            "bank": self.index_.bank,
            "coverage_radius": np.array([self.coverage_radius_], np.float32),
            **self._noise_arrays(),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        width = sum(stage.n_channels for stage in backbone.stages)
        self.mean_ = check_array(arrays, "mean", (width,))
        self.projection_ = check_array(arrays, "projection", (width, None))
        n_dims = self.projection_.shape[1]
        self.index_ = NeighborIndex(check_array(arrays, "bank", (None, n_dims + 2)))
        self.coverage_radius_ = float(check_array(arrays, "coverage_radius", (1,))[0])
        self.backbone_ = backbone
        self._restore_noise(arrays)
        return self

    def _learn(self, batches: Iterator[list[Features]], indices: NDArray[np.intp]) -> None:
        self._check_settings()
        coreset = StreamingCoreset(self.n_bank, seed=self.seed)
        waiting: list[Float] = []  # grids that came before the whitening was known
        n_whitening, done = min(_N_WHITENING, len(indices)), 0
        for batch in batches:
            waiting.extend(self._stack(features) for features in batch)
            if done + len(waiting) < n_whitening:
                continue
            if not done:
                self._learn_whitening(np.concatenate(waiting))
            for stacked in waiting:
                coreset.add(self._embed(stacked), int(indices[done]))
                done += 1
            waiting = []
        chosen = coreset.finish()
        self.index_ = NeighborIndex(chosen.points)
        self.coverage_radius_ = chosen.radius
        self._bank_image = chosen.indices

    def _calibrate(self, batches: Iterator[list[Features]], indices: NDArray[np.intp]) -> None:
        """Score each normal by the memory without its own patches."""
        scores, peaks = [], []
        images = iter(indices)
        for batch in batches:
            for features in batch:
                own = self._bank_image == next(images)
                grid = self._distances(features, None if own.all() else own)
                scores.append(top_mean(grid, self.top_ratio))
                peaks.append(float(self._enlarge(grid).max()))
        self.held_out_scores_ = np.array(scores, np.float32)
        self.held_out_peaks_ = np.array(peaks, np.float32)

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        grids = np.stack([self._distances(features, None) for features in batch])
        return np.array([top_mean(grid, self.top_ratio) for grid in grids], np.float32), grids

    def _distances(self, features: Features, without: NDArray[np.bool_] | None) -> Float:
        queries = self._embed(self._stack(features))
        k = min(
            self.n_neighbors, len(self.index_.bank) - (0 if without is None else int(without.sum()))
        )
        found = self.index_.distances(queries, k, without=without)
        mean: Float = found.mean(axis=1)
        return mean.reshape(self.grid_side, self.grid_side)

    def _stack(self, features: Features) -> Float:
        stacked = stack_stages(features, _STAGES, self.grid_side)
        return stacked.reshape(-1, stacked.shape[-1])

    def _learn_whitening(self, patches: Float) -> None:
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

    def _embed(self, patches: Float) -> Float:
        """Return (g * g, n_dims + 2): whitened features and the weighted position."""
        side = self.grid_side
        where = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 * self.position_weight
        rows, columns = np.repeat(where, side), np.tile(where, side)
        white = (patches - self.mean_) @ self.projection_
        return np.column_stack([white, rows, columns])

    def _check_settings(self) -> None:
        if min(self.n_bank, self.n_dims, self.n_neighbors) < 1 or not 0 < self.top_ratio <= 1:
            raise ParameterError(
                "n_bank, n_dims, n_neighbors must be positive, top_ratio in (0, 1]"
            )
        if self.position_weight < 0 or self.blur_px <= 0:
            raise ParameterError(
                "position_weight must not be negative, and blur_px must be positive"
            )
