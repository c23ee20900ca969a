"""What is normal at each place and of the whole: Gaussians on frozen features, from two passes over normals.

Source: Defard et al. 2020 (PaDiM) for a Gaussian a position; Rippel et al. 2020 ("Modeling the distribution
of normal data in pre-trained deep features") for one Gaussian over pooled features of the image. Differs
from both: see GaussianField; distances of a cell are standardized by what they are on normals left out, so
that a restless place of the product does not drown a quiet one; the image's score adds both views. The map
is not made of these distances: see `map_cells`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features
from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.gaussian_field import Float, GaussianField, restore_field
from defectory.detectors.grids import line_residuals, mean_and_spread, stack_stages, top_mean
from defectory.domain import ParameterError

if TYPE_CHECKING:  # of fits alone
    from defectory.detectors.grouping import Groups
    from defectory.detectors.statistics import FitStatistics

POSITION_STAGES = ("block7", "block10", "block14")
IMAGE_STAGE = "block15"
LINE_STAGE = "block4"
# Weight of the lines in the map, both parts in units of what left-out normals show.
LINE_WEIGHT = 2.0
# Normals whose spread a cell's own is mixed with: few images leave a cell's spread uncertain.
_PRIOR_IMAGES = 30


@dataclass(frozen=True)
class Samples:
    """What Gaussians are about, of n images.

    Attributes
    ----------
    cells, lines : (p, n, b, d) float32, features of each cell's b positions, and what sets these apart from
        their column and row
    image : (n, c) float32, of the image as a whole
    """

    cells: Float
    lines: Float
    image: Float

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class Measurements:
    """Distances of n images before they are brought to one scale.

    Attributes
    ----------
    cells : (p, n, b) float32, Mahalanobis distances to the cell's Gaussian, b positions a cell
    means : (p, n, b) float32, distances to the cell's mean in units of each channel's spread
    lines : (p, n, b) float32, Mahalanobis distances of what is apart from column and row
    image : (n,) float32, Mahalanobis distance of the image as a whole
    """

    cells: Float
    means: Float
    lines: Float
    image: Float

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the images of all the parts, in order."""
        return cls(
            np.concatenate([part.cells for part in parts], axis=1),
            np.concatenate([part.means for part in parts], axis=1),
            np.concatenate([part.lines for part in parts], axis=1),
            np.concatenate([part.image for part in parts]),
        )

    def take(self, rows: NDArray[np.intp]) -> "Measurements":
        """Return some of the images."""
        return Measurements(
            self.cells[:, rows], self.means[:, rows], self.lines[:, rows], self.image[rows]
        )


class GaussianNormality:
    """Position-wise Gaussians, one image-level Gaussian, and a map of what deviates.

    Parameters
    ----------
    size_px : side of the resized image, or of a tile of it
    n_tiles : tiles a side; cells of one 16 px neighborhood share a Gaussian
    shrinkage, top_ratio, image_weight : see `Gaussian`

    Raises
    ------
    ParameterError : a setting is out of range.
    """

    stages: ClassVar[tuple[str, ...]] = (LINE_STAGE, *POSITION_STAGES, IMAGE_STAGE)

    def __init__(
        self,
        size_px: int,
        n_tiles: int = 1,
        *,
        shrinkage: float = 0.02,
        top_ratio: float = 0.02,
        image_weight: float = 0.3,
    ) -> None:
        if not 0 < shrinkage <= 1 or not 0 < top_ratio <= 1:
            raise ParameterError("shrinkage and top_ratio must be above 0 and at most 1")
        if image_weight < 0:
            raise ParameterError("image_weight must not be negative")
        self.size_px = size_px
        self.n_tiles = n_tiles
        self.shrinkage = float(np.float32(shrinkage))  # as bundles store it
        self.top_ratio = top_ratio
        self.image_weight = image_weight

    @property
    def grid_side(self) -> int:
        """Cells of the feature grid in each direction: one for 16 px."""
        return self.size_px * self.n_tiles // 16

    def estimate_bytes(self, n_images: int) -> int:
        """Return the peak of fit beside the process: moments, working copies, held-out values."""
        cells, width = (self.size_px // 16) ** 2, 384
        moments = 4 * cells * width**2
        held_out = min(n_images, 2000) * 4 * self.grid_side**2
        lines = 3 * 4 * cells * 80**2
        return 3 * moments + 2 * lines + 8 * held_out

    def arrays(self) -> Arrays:
        """Return the fields and the standardization."""
        named: Arrays = {
            "cell_center": self.cell_center_,
            "cell_spread": self.cell_spread_,
            "part_standards": self.part_standards_,
            "channel_spread": self.channel_spread_,
            "map_units": self.map_units_,
            "shrinkage": np.array([self.shrinkage], np.float32),
            "n_samples": np.array(
                [np.mean(self.cells_.n_samples), np.mean(self.image_.n_samples)], np.float32
            ),
        }
        for prefix, field in (
            ("cells", self.cells_),
            ("image", self.image_),
            ("lines", self.lines_),
        ):
            named |= {f"{prefix}.{key}": value for key, value in field.arrays().items()}
        return named

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        p = (self.size_px // 16) ** 2
        self.shrinkage = float(check_array(arrays, "shrinkage", (1,))[0])
        n_cells, n_image = (float(n) for n in check_array(arrays, "n_samples", (2,)))
        n_channels = {stage.name: stage.n_channels for stage in backbone.stages}
        d = sum(n_channels[name] for name in POSITION_STAGES)
        self.cells_, self.image_, self.lines_ = (
            restore_field(arrays, prefix, shape, n, self.shrinkage)
            for prefix, shape, n in (
                ("cells", (p, d), n_cells),
                ("image", (1, 2 * n_channels[IMAGE_STAGE]), n_image),
                ("lines", (p, 2 * n_channels[LINE_STAGE]), n_cells),
            )
        )
        self.channel_spread_ = check_array(arrays, "channel_spread", (d,))
        self.map_units_ = check_array(arrays, "map_units", (2,))
        self.cell_center_ = check_array(arrays, "cell_center", (p,))
        self.cell_spread_ = check_array(arrays, "cell_spread", (p,))
        self.part_standards_ = check_array(arrays, "part_standards", (2, 2))
        spreads = (
            self.cell_spread_,
            self.part_standards_[:, 1],
            self.channel_spread_,
            self.map_units_,
            arrays["shrinkage"],
        )
        if any((spread <= 0).any() for spread in spreads):
            raise ParameterError("a spread or the shrinkage is not positive")
        return self

    def learn(self, batches: Iterator[list[Features]]) -> Self:
        """Take the first pass over the normals."""
        return self.take(self.collect(batches))

    def collect(self, batches: Iterator[list[Features]]) -> "FitStatistics":
        """Return what a pass over normals leaves of them."""
        from defectory.detectors.moments import RunningMoments
        from defectory.detectors.statistics import FitStatistics

        running = {name: RunningMoments() for name in ("cells", "lines", "image")}
        n_images = 0
        for batch in batches:
            samples = self.sample(batch)
            for name, part in (("cells", samples.cells), ("lines", samples.lines)):
                p, i, b, d = part.shape
                running[name].add(part.reshape(p, i * b, d))
            running["image"].add(samples.image[None])
            n_images += len(batch)
        moments = {name: found.moments() for name, found in running.items()}
        return FitStatistics(n_images, moments, None, {})

    def take(self, statistics: "FitStatistics") -> Self:
        """Take what passes over normals left; ParameterError where it is of images of another size."""
        moments = statistics.moments
        if any(
            len(moments[name].means) != (self.size_px // 16) ** 2 for name in ("cells", "lines")
        ):
            raise ParameterError("these statistics are of images of another size")
        self.channel_spread_ = moments["cells"].channel_spread()
        self.cells_, self.lines_, self.image_ = (
            GaussianField.of(moments[name], self.shrinkage) for name in ("cells", "lines", "image")
        )
        return self

    @property
    def statistics(self) -> "FitStatistics":
        """What it was fitted on, as exact as bundles keep it."""
        from defectory.detectors.moments import moments_of
        from defectory.detectors.statistics import FitStatistics

        fields = {"cells": self.cells_, "lines": self.lines_, "image": self.image_}
        moments = {name: moments_of(field) for name, field in fields.items()}
        return FitStatistics(round(float(np.mean(self.image_.n_samples))), moments, None, {})

    def keep_scales(self, other: "GaussianNormality") -> None:
        """Take all scales of another model, and round the Gaussians as bundles do."""
        self.round()
        self.channel_spread_ = other.channel_spread_
        self.cell_center_, self.cell_spread_ = other.cell_center_, other.cell_spread_
        self.part_standards_, self.map_units_ = other.part_standards_, other.map_units_

    def calibrate(self, measured: Measurements) -> tuple[Float, Float]:
        """Standardize by measurements of normals left out.

        Returns
        -------
        (n,) scores of these normals
        (n, g, g) values of their maps
        """
        self.standardize(measured)
        return self.image_scores(measured), self.map_cells(measured)

    def measure_left_out(self, samples: Samples, groups: "Groups") -> Measurements:
        """Return measurements of images that were learned from, each by the model without its group.

        Only before `standardize`. The groups are whole.
        """
        return Measurements(
            self.cells_.leave_groups_out(samples.cells, groups),
            self._mean_distances(samples.cells, left_out=groups),
            self.lines_.leave_groups_out(samples.lines, groups),
            self.image_.leave_groups_out(samples.image[None, :, None], groups)[0, :, 0],
        )

    def round(self) -> None:
        """Round the Gaussians as bundles do; nothing can be left out in closed form after it."""
        for field in (self.cells_, self.lines_, self.image_):
            field.round()

    def measure(self, samples: Samples) -> Measurements:
        """Return measurements of images that were not learned from.

        No image's depend, not even by rounding, on the others.
        """
        return Measurements(
            _distances(self.cells_, samples.cells),
            self._mean_distances(samples.cells),
            _distances(self.lines_, samples.lines),
            self.image_.distances(samples.image[None])[0],
        )

    def standardize(self, measured: Measurements) -> None:
        """Set all scales by normals left out; round the fields as bundles do."""
        self.round()
        self._standardize_cells(measured.cells)
        units = [
            max(float(part.mean(dtype=np.float64)), 1e-6)
            for part in (measured.means, measured.lines)
        ]
        self.map_units_ = np.array(units, np.float32)
        parts = np.stack([self._top(self._standardized(measured.cells)), measured.image])
        center, spread = (f(parts, axis=1, dtype=np.float64) for f in (np.mean, np.std))
        self.part_standards_ = np.stack([center, np.maximum(spread, 1e-6)], axis=1).astype(
            np.float32
        )

    def score(self, batch: list[Features]) -> tuple[Float, Float]:
        """Return (b,) scores and (b, g, g) values of the map; see `measure`."""
        measured = self.measure(self.sample(batch))
        return self.image_scores(measured), self.map_cells(measured)

    def image_scores(self, measured: Measurements) -> Float:
        """Return (n,) scores: the oddest cells, and the image as a whole."""
        (cell_center, cell_spread), (image_center, image_spread) = self.part_standards_
        z_cells = (self._top(self._standardized(measured.cells)) - cell_center) / cell_spread
        z_image = (measured.image - image_center) / image_spread
        combined: Float = (z_cells + self.image_weight * z_image).astype(np.float32)
        return combined

    def map_cells(self, measured: Measurements) -> Float:
        """Return the (n, g, g) values of the map.

        Plain distances, not standardized cell by cell: where the product is restless, defects are larger
        too. Lines find what is thin and weak; both parts count in units of what left-out normals show.
        """
        mean_unit, line_unit = self.map_units_
        return self._to_grids(measured.means / mean_unit + LINE_WEIGHT * measured.lines / line_unit)

    def sample(self, batch: list[Features]) -> Samples:
        """Return what the Gaussians are about, of each image."""
        grids = [stack_stages(f, POSITION_STAGES, self.grid_side) for f in batch]
        lines = [line_residuals(stack_stages(f, (LINE_STAGE,), self.grid_side)) for f in batch]
        return Samples(
            self._to_cells(grids), self._to_cells(lines), mean_and_spread(batch, IMAGE_STAGE)
        )

    def _to_cells(self, grids: list[Float]) -> Float:
        """Return (p, i, b, d) from i grids (g, g, d)."""
        side, t = self.size_px // 16, self.n_tiles
        i, d = len(grids), grids[0].shape[-1]
        split = np.stack(grids).reshape(i, side, t, side, t, d).transpose(1, 3, 0, 2, 4, 5)
        return np.ascontiguousarray(split).reshape(side * side, i, t * t, d)

    def _to_grids(self, values: Float) -> Float:
        """Return (i, g, g) from (p, i, b)."""
        side, t = self.size_px // 16, self.n_tiles
        i = values.shape[1]
        split = values.reshape(side, side, i, t, t).transpose(2, 0, 3, 1, 4)
        return np.ascontiguousarray(split).reshape(i, self.grid_side, self.grid_side)

    def _standardized(self, distances: Float) -> Float:
        """Return (i, g, g) standardized values from (p, i, b) distances."""
        return self._to_grids(self._in_spreads(distances))

    def _in_spreads(self, distances: Float) -> Float:
        found: Float = (distances - self.cell_center_[:, None, None]) / self.cell_spread_[
            :, None, None
        ]
        return found

    def _mean_distances(self, samples: Float, *, left_out: "Groups | None" = None) -> Float:
        """Return (p, i, b): Euclidean distances to the cell's mean, in units of each channel's spread.

        Images that were learned from are first taken out of the mean, with all of their group.
        """
        away = (samples - self.cells_.means[:, None, None]) / self.channel_spread_
        for number in () if left_out is None else np.unique(left_out):
            rows = np.flatnonzero(left_out == number)
            own = away[:, rows]
            rest = float(np.mean(self.cells_.n_samples)) - len(rows) * samples.shape[2]
            away[:, rows] = own + own.sum(axis=(1, 2), keepdims=True) / np.float32(rest)
        found: Float = np.sqrt(np.einsum("pibd,pibd->pib", away, away))
        return found

    def _standardize_cells(self, distances: Float) -> None:
        """Set each cell's center and spread; cells lean on the mean of all where images are few."""
        n = distances.shape[1]
        own = n / (n + _PRIOR_IMAGES)
        center = distances.mean(axis=(1, 2), dtype=np.float64)
        variance = np.square(distances - center[:, None, None]).mean(axis=(1, 2))
        self.cell_center_ = (own * center + (1 - own) * center.mean()).astype(np.float32)
        mixed = own * variance + (1 - own) * variance.mean()
        self.cell_spread_ = np.sqrt(np.maximum(mixed, 1e-6)).astype(np.float32)

    def _top(self, grids: Float) -> NDArray[np.float32]:
        return np.array([top_mean(grid, self.top_ratio) for grid in grids], np.float32)


def _distances(field: GaussianField, samples: Float) -> Float:
    """Return (p, i, b) distances of (p, i, b, d) samples."""
    p, i, b, d = samples.shape
    return field.distances(samples.reshape(p, i * b, d)).reshape(p, i, b)
