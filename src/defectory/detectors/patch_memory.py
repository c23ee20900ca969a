"""`patch-memory`: a bounded memory of normal patches; what is far from all of them is odd.

Source: Roth et al. 2022 (PatchCore); see `PatchBank` for how it differs. Also: EfficientNet-Lite0 for
WideResNet-50, and the image score is the mean over the highest patches rather than one re-weighted maximum.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore
from defectory.detectors.additive_fit import TwoPassDetector
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.grids import stack_stages, top_mean
from defectory.detectors.grouping import Groups, Indices, Read
from defectory.detectors.patch_bank import N_WHITENING, PatchBank
from defectory.detectors.statistics import FitStatistics
from defectory.domain import ParameterError

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages

Float = NDArray[np.float32]

_STAGES = ("block7", "block10", "block15")


class PatchMemory(TwoPassDetector):
    """Distance of each patch to its nearest neighbors in a coreset of normal patches.

    Parameters
    ----------
    backbone, size_px, n_tiles, even_exposure, denoise, blur_px, cache : see `Gaussian`
    n_bank, n_dims, n_neighbors, position_weight : see `PatchBank`
    top_ratio : (0, 1], share of the cells whose mean is the image score
    seed : of the coreset's first choices, and of which normals are left out where there are many

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

        patches = min(n_images * self.grid_side**2, N_WHITENING + self.grid_side**2)
        gathered = patches * 512 * 4
        candidates = 3 * 32768 * (self.n_dims + 2) * 4
        distances = 4 * 256 * self.n_bank * 4
        return (
            library_bytes(self.backbone, self.weights)
            + 2 * gathered
            + candidates
            + distances
            + self._batch_bytes
        )

    @property
    def n_patches(self) -> int:
        """Patches that it remembers at most."""
        return self.n_bank

    def arrays(self) -> Arrays:
        """Return the whitening and the memory."""
        return {**self.bank_.arrays(), **self._noise_arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        width = sum(stage.n_channels for stage in backbone.stages)
        self.bank_ = self._make_bank().restore(arrays, width)
        self.backbone_ = backbone
        self._restore_noise(arrays)
        return self

    def _collect(
        self,
        batches: Iterator[list[Features]],
        groups: Groups,
        basis: Mapping[str, NDArray[Any]] | None,
    ) -> FitStatistics:
        bank = self._make_bank()
        fitter = (bank if basis is None else bank.take_basis(basis)).learn(len(groups))
        own = iter(groups.tolist())
        for batch in batches:
            for features in batch:
                fitter.add(self._stack(features), next(own))
        fitter.finish()
        return FitStatistics(len(groups), {}, bank.coreset, bank.basis)

    def _statistics(self) -> FitStatistics:
        return FitStatistics(0, {}, self.bank_.coreset, self.bank_.basis)

    def _take(self, statistics: FitStatistics) -> None:
        assert statistics.coreset is not None
        self.bank_ = self._make_bank().take_basis(statistics.basis).take(statistics.coreset)

    def _calibrate(
        self, read: Read, normals: Indices, held_out: Indices, groups: Groups
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        """Score each normal by the memory without the patches of its group."""
        del normals
        scores, peaks = [], []
        own = iter(groups[held_out].tolist())
        for batch in read(held_out, "scoring normals left out"):
            for features in batch:
                grid = self.bank_.distances(self._stack(features), without=next(own))
                scores.append(top_mean(grid, self.top_ratio))
                peaks.append(float(self._enlarge(grid).max()))
        return scores, peaks

    def _score_left_out(
        self, before: Self, read: Read, rows: Indices, groups: Groups
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        del before  # a memory has no scales
        return self._calibrate(read, rows, rows, groups)

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        grids = np.stack([self.bank_.distances(self._stack(features)) for features in batch])
        return np.array([top_mean(grid, self.top_ratio) for grid in grids], np.float32), grids

    def _score_graph(self, stages: "Stages") -> "tuple[Var, Var]":
        from defectory.detectors.decision_graphs import patch_memory

        return patch_memory.judge(stages, _STAGES, self.grid_side, self.bank_, self.top_ratio)

    def _stack(self, features: Features) -> Float:
        return stack_stages(features, _STAGES, self.grid_side)

    def _make_bank(self) -> PatchBank:
        if not 0 < self.top_ratio <= 1:
            raise ParameterError("top_ratio must lie in (0, 1]")
        if self.blur_px <= 0:
            raise ParameterError("blur_px must be positive")
        return PatchBank(
            n_bank=self.n_bank,
            n_dims=self.n_dims,
            n_neighbors=self.n_neighbors,
            position_weight=self.position_weight,
            seed=self.seed,
        )
