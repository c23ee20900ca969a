"""`gaussian`: what each place of the product looks like, and what the whole looks like.

Source: Defard et al. 2020 (PaDiM), Rippel et al. 2020; see `GaussianNormality` for how it differs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features
from defectory.detectors.additive_fit import TwoPassDetector
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.gaussian_normality import GaussianNormality, Measurements
from defectory.domain import HeldOutScores, ImageSource, NoProgress, ParameterError, Progress

if TYPE_CHECKING:  # what only a fit or an export needs is imported by its methods
    from spox import Var

    from defectory.backbones import FeatureStore
    from defectory.detectors.decision_graphs.features import Stages
    from defectory.detectors.grouping import Groups, Indices, Read
    from defectory.detectors.statistics import FitStatistics


class Gaussian(TwoPassDetector):
    """Position-wise Gaussians and one image-level Gaussian on frozen features.

    Parameters
    ----------
    backbone : name of a frozen backbone
    size_px : multiple of 32, side that images (or tiles) are resized to
    n_tiles : tiles a side, for tiny defects; cells of one 16 px neighborhood share a Gaussian
    even_exposure : see `prepare_image`
    denoise : take camera noise off all images where those of the fit show some
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
    stages: ClassVar[tuple[str, ...]] = GaussianNormality.stages

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        n_tiles: int = 1,
        even_exposure: bool = True,
        denoise: bool = True,
        shrinkage: float = 0.02,
        top_ratio: float = 0.02,
        image_weight: float = 0.3,
        blur_px: float = 6.0,
        seed: int = 0,
        cache: "FeatureStore | None" = None,
    ) -> None:
        super().__init__(
            backbone=backbone, size_px=size_px, n_tiles=n_tiles, even_exposure=even_exposure,
            denoise=denoise, blur_px=blur_px, seed=seed, cache=cache,
        )  # fmt: skip
        self.shrinkage = shrinkage
        self.top_ratio = top_ratio
        self.image_weight = image_weight

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries, Gaussians, a batch."""
        from defectory.backbones.memory_estimates import (
            library_bytes,  # only where memory is limited
        )

        own = self._make_normality().estimate_bytes(n_images)
        return library_bytes(self.backbone, self.weights) + own + self._batch_bytes

    def arrays(self) -> Arrays:
        """Return the Gaussians and the standardization."""
        return {**self.normality_.arrays(), **self._noise_arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        self.normality_ = self._make_normality().restore(arrays, backbone)
        self._restore_noise(arrays)
        self.backbone_ = backbone
        return self

    def measure_left_out(
        self,
        statistics: "FitStatistics",
        images: ImageSource,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Measurements:
        """Return distances of images, each by the model of the statistics without its group.

        Parameters
        ----------
        statistics : of these and more images; whole groups
        images, groups : n images, those of a group lying together
        progress : told of each image
        """
        from defectory.detectors.grouping import whole_groups

        progress = progress or NoProgress()
        self._take_noise_basis(statistics.basis)
        normality = self._make_normality().take(statistics)
        with self._reading():
            read = self._reader(images, progress)(
                np.arange(len(images)), "measuring images left out"
            )
            parts = [
                normality.measure_left_out(normality.sample(batch), own)
                for batch, own in whole_groups(read, groups.tolist())
            ]
            del self.backbone_
        return Measurements.join(parts)

    def fit_measured(
        self,
        parts: "Iterable[FitStatistics]",
        measured: Sequence[Measurements],
        held_out: HeldOutScores,
    ) -> Self:
        """Fit on statistics alone: scales and threshold come from what was measured of images elsewhere.

        Parameters
        ----------
        parts : one a place; gone through twice, so that all need not be in memory
        measured : of some images of each place, by its own model without them
        held_out : what else is known of these images; the scores in it are replaced
        """
        from defectory.detectors.gaussian_left_out import rescale
        from defectory.detectors.statistics import merge_statistics

        with self._reading():
            merged = merge_statistics(parts, 0)
            self._take_noise_basis(merged.basis)
            self._take(merged)
            as_here = [
                rescale(self.normality_, known, part.moments)
                for known, part in zip(measured, parts, strict=True)
            ]
            scores, maps = self.normality_.calibrate(Measurements.join(as_here))
        peaks = np.array(self._peaks(maps), np.float32)
        self.held_out_ = replace(held_out, scores=scores, peaks=peaks)
        return self

    def _collect(
        self,
        batches: Iterator[list[Features]],
        groups: "Groups",
        basis: Mapping[str, NDArray[Any]] | None,
    ) -> "FitStatistics":
        del groups, basis  # sums know no groups, and are in terms of the features themselves
        return self._make_normality().collect(batches)

    def _statistics(self) -> "FitStatistics":
        return self.normality_.statistics

    def _take(self, statistics: "FitStatistics") -> None:
        self.normality_ = self._make_normality().take(statistics)

    def _score_left_out(
        self, before: Self, read: "Read", rows: "Indices", groups: "Groups"
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        from defectory.detectors.gaussian_left_out import score_left_out

        scores, maps = score_left_out(self.normality_, before.normality_, read, rows, groups)
        return scores, self._peaks(maps)

    def _calibrate(
        self, read: "Read", normals: "Indices", held_out: "Indices", groups: "Groups"
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        from defectory.detectors.gaussian_left_out import calibrate_normality

        make = self._make_normality
        scores, maps = calibrate_normality(self.normality_, make, read, normals, held_out, groups)
        return scores, self._peaks(maps)

    def _peaks(self, maps: NDArray[np.float32]) -> list[float]:
        return [float(self._enlarge(grid).max()) for grid in maps]

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self.normality_.score(batch)

    def _score_graph(self, stages: "Stages") -> "tuple[Var, Var]":
        from defectory.detectors.decision_graphs import gaussian

        return gaussian.judge(stages, self.normality_)

    def _make_normality(self) -> GaussianNormality:
        if self.blur_px <= 0:
            raise ParameterError("blur_px must be positive")
        return GaussianNormality(
            self.size_px,
            self.n_tiles,
            shrinkage=self.shrinkage,
            top_ratio=self.top_ratio,
            image_weight=self.image_weight,
        )
