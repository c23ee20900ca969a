"""`gaussian`: what each place of the product looks like, and what the whole looks like.

Source: Defard et al. 2020 (PaDiM) for a Gaussian a position; Rippel et al. 2020 ("Modeling the distribution
of normal data in pre-trained deep features") for one Gaussian over pooled features of the image. Differs
from both: see GaussianField; distances of a cell are standardized by what they are on normals left out, so
that a restless place of the product does not drown a quiet one; the image's score adds both views.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, FeatureCache, Features
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.frozen import FrozenFeatureDetector, check_array, top_mean
from defectory.detectors.gaussian_field import FieldFitter, Float, GaussianField
from defectory.detectors.grids import stack_stages
from defectory.domain import ParameterError

_POSITION_STAGES = ("block7", "block10", "block14")
_IMAGE_STAGE = "block15"
# Normals whose spread a cell's own is mixed with: few images leave a cell's spread uncertain.
_PRIOR_IMAGES = 30


class Gaussian(FrozenFeatureDetector):
    """Position-wise Gaussians and one image-level Gaussian on frozen features.

    Parameters
    ----------
    backbone : name of a frozen backbone
    size_px : multiple of 32, side that images (or tiles) are resized to
    n_tiles : tiles a side, for tiny defects; cells of one 16 px neighborhood share a Gaussian
    even_exposure : see `prepare_image`
    shrinkage : (0, 1], of the covariances
    top_ratio : (0, 1], share of the cells whose mean is the position-wise score
    image_weight : >= 0, weight of the image-level part; 0 leaves it out
    blur_px : > 0, blur of the maps in pixels of the resized image
    seed : chooses the held-out normals where there are more than needed
    cache : of features; None reads each image twice

    Notes
    -----
    Cost: fit O(n p d^2 + p d^3) time and O(p d^2) memory whatever n is (p = 256 cells, d = 384); score
    O(p d^2) an image.
    """

    name: ClassVar[str] = "gaussian"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=False,
        uses_masks=False,
        localizes=True,
        needs_torch=False,
    )
    stages: ClassVar[tuple[str, ...]] = (*_POSITION_STAGES, _IMAGE_STAGE)

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        n_tiles: int = 1,
        even_exposure: bool = True,
        shrinkage: float = 0.02,
        top_ratio: float = 0.02,
        image_weight: float = 0.3,
        blur_px: float = 6.0,
        seed: int = 0,
        cache: FeatureCache | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone, size_px=size_px, n_tiles=n_tiles, even_exposure=even_exposure,
            blur_px=blur_px, seed=seed, cache=cache,
        )  # fmt: skip
        self.shrinkage = shrinkage
        self.top_ratio = top_ratio
        self.image_weight = image_weight

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: process, second moments and their working copies, held-out maps."""
        cells, width = (self.size_px // 16) ** 2, 384
        moments = 4 * cells * width**2
        held_out = min(n_images, 2000) * 4 * self.grid_side**2
        return 540 * 2**20 + 2 * moments + 4 * held_out + 24 * self.n_tiles**2 * 2**20

    def arrays(self) -> Arrays:
        """Return both fields and the standardization."""
        named: Arrays = {
            "cell_center": self.cell_center_,
            "cell_spread": self.cell_spread_,
            "part_standards": self.part_standards_,
            "n_samples": np.array([self.cells_.n_samples, self.image_.n_samples], np.float32),
        }
        for prefix, field in (("cells", self.cells_), ("image", self.image_)):
            named |= {f"{prefix}.{key}": value for key, value in field.arrays().items()}
        return named

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        p = (self.size_px // 16) ** 2
        d = sum(backbone.card.stage(name).n_channels for name in _POSITION_STAGES)
        n = check_array(arrays, "n_samples", (2,))
        self.cells_ = GaussianField.from_arrays(
            check_array(arrays, "cells.means", (p, d)),
            check_array(arrays, "cells.triangles", (p, d * (d + 1) // 2)),
            int(n[0]),
            self.shrinkage,
        )
        d = 2 * backbone.card.stage(_IMAGE_STAGE).n_channels
        self.image_ = GaussianField.from_arrays(
            check_array(arrays, "image.means", (1, d)),
            check_array(arrays, "image.triangles", (1, d * (d + 1) // 2)),
            int(n[1]),
            self.shrinkage,
        )
        self.cell_center_ = check_array(arrays, "cell_center", (p,))
        self.cell_spread_ = check_array(arrays, "cell_spread", (p,))
        self.part_standards_ = check_array(arrays, "part_standards", (2, 2))
        if (self.cell_spread_ <= 0).any() or (self.part_standards_[:, 1] <= 0).any():
            raise ParameterError("a spread is not positive")
        self.backbone_ = backbone
        return self

    def _learn(self, batches: Iterator[list[Features]], indices: NDArray[np.intp]) -> None:
        del indices
        self._check_settings()
        cells, image = FieldFitter(self.shrinkage), FieldFitter(self.shrinkage)
        for batch in batches:
            samples, pooled = self._samples(batch), self._pool(batch)
            cells.add(samples.reshape(len(samples), -1, samples.shape[-1]))
            image.add(pooled)
        self.cells_, self.image_ = cells.finish(), image.finish()

    def _calibrate(self, batches: Iterator[list[Features]], indices: NDArray[np.intp]) -> None:
        del indices
        cells, image = [], []
        for batch in batches:
            cells.append(self.cells_.leave_one_out(self._samples(batch)))
            image.append(self.image_.leave_one_out(self._pool(batch)[:, :, None])[0, :, 0])
        self.cells_.round()
        self.image_.round()
        distances = np.concatenate(cells, axis=1)  # (p, n, b)
        self._standardize_cells(distances)
        grids = self._to_grids(distances)
        parts = np.stack([self._top(grids), np.concatenate(image)])
        center, spread = parts.mean(axis=1), np.maximum(parts.std(axis=1), 1e-6)
        self.part_standards_ = np.stack([center, spread], axis=1).astype(np.float32)
        self.held_out_scores_ = self._combine(*parts)
        self.held_out_peaks_ = np.array([self._enlarge(g).max() for g in grids], np.float32)

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        samples = self._samples(batch)
        p, i, b, d = samples.shape
        distances = self.cells_.distances(samples.reshape(p, i * b, d)).reshape(p, i, b)
        grids = self._to_grids(distances)
        return self._combine(self._top(grids), self.image_.distances(self._pool(batch))[0]), grids

    def _samples(self, batch: list[Features]) -> Float:
        """Return (p, i, b, d): for each cell and image, the b grid positions that the cell covers."""
        side, t = self.size_px // 16, self.n_tiles
        grids = np.stack([stack_stages(f, _POSITION_STAGES, self.grid_side) for f in batch])
        i, d = len(batch), grids.shape[-1]
        split = grids.reshape(i, side, t, side, t, d).transpose(1, 3, 0, 2, 4, 5)
        return np.ascontiguousarray(split).reshape(side * side, i, t * t, d)

    def _to_grids(self, distances: Float) -> Float:
        """Return (i, g, g) standardized values from (p, i, b) distances."""
        side, t = self.size_px // 16, self.n_tiles
        z = (distances - self.cell_center_[:, None, None]) / self.cell_spread_[:, None, None]
        i = z.shape[1]
        split = z.reshape(side, side, i, t, t).transpose(2, 0, 3, 1, 4)
        return np.ascontiguousarray(split).reshape(i, self.grid_side, self.grid_side)

    def _pool(self, batch: list[Features]) -> Float:
        """Return (1, i, 2c): mean and standard deviation of the coarsest stage over the image."""
        flat = [f[_IMAGE_STAGE].reshape(-1, f[_IMAGE_STAGE].shape[-1]) for f in batch]
        return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in flat])[None]

    def _standardize_cells(self, distances: Float) -> None:
        """Set each cell's center and spread; cells lean on the mean of all where images are few."""
        n = distances.shape[1]
        own = n / (n + _PRIOR_IMAGES)
        center, variance = distances.mean(axis=(1, 2)), distances.var(axis=(1, 2))
        self.cell_center_ = (own * center + (1 - own) * center.mean()).astype(np.float32)
        mixed = own * variance + (1 - own) * variance.mean()
        self.cell_spread_ = np.sqrt(np.maximum(mixed, 1e-6)).astype(np.float32)

    def _top(self, grids: Float) -> NDArray[np.float32]:
        return np.array([top_mean(grid, self.top_ratio) for grid in grids], np.float32)

    def _combine(self, cells: Float, image: Float) -> NDArray[np.float32]:
        (cell_center, cell_spread), (image_center, image_spread) = self.part_standards_
        z_cells, z_image = (
            (cells - cell_center) / cell_spread,
            (image - image_center) / image_spread,
        )
        combined: NDArray[np.float32] = (z_cells + self.image_weight * z_image).astype(np.float32)
        return combined

    def _check_settings(self) -> None:
        if not 0 < self.shrinkage <= 1 or not 0 < self.top_ratio <= 1:
            raise ParameterError("shrinkage and top_ratio must be above 0 and at most 1")
        if self.image_weight < 0 or self.blur_px <= 0:
            raise ParameterError("image_weight must not be negative, and blur_px must be positive")
