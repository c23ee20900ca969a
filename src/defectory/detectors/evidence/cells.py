"""What a classifier sees of the cells of images: their looks, and how far from normal they are."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.descriptors import STEP, Described
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Measurements

Float = NDArray[np.float32]
Indices = NDArray[np.intp]

# Evidence grows without bound where an image is broken; beyond this it is all the same.
_MOST = 40.0
# Evidence counts so much more to a classifier than looks, of unit variance: it is true of any defect.
_GAIN = 3.0
# The mean look of an image counts so much less than that of a cell to what scores images: all the cells of an
# image share it, and there are fewer images to learn from.
_LOOK_GAIN = 0.6
N_EVIDENCE = 5
"""Columns of `evidence_of`."""
_OF_IMAGE = 2


@dataclass(frozen=True)
class Cells:
    """p cells of each of n images; a row of numbers each, kept small until it is asked for.

    Attributes
    ----------
    described : (n, p, w) int8, see `CellDescriptor.describe`
    evidence : (n, p, e) float32, columns of `evidence_of`
    context : (n, w) float32, mean look of the image, scaled; None where cells are seen without it
    """

    described: Described
    evidence: Float
    context: Float | None = None

    @classmethod
    def of(cls, normality: GaussianNormality, measured: Measurements, described: Described) -> Self:
        """Return the cells of n images, each seen for itself."""
        return cls(described, evidence_of(normality, measured))

    def __len__(self) -> int:
        return len(self.described)

    @property
    def n_columns(self) -> int:
        """Numbers in a row: w looks, w of the image's mean look where there is context, e of evidence."""
        w = self.described.shape[2]
        return int(w + (0 if self.context is None else w) + self.evidence.shape[2])

    def with_image_look(self) -> "Cells":
        """Return the cells seen with a hint of what their image looks like, to score images.

        Other pictures of a defective product resemble it as a whole.
        """
        return Cells(self.described, self.evidence, np.float32(_LOOK_GAIN) * self._mean_looks())

    def in_context(self) -> "Cells":
        """Return the cells seen with their image's mean look, without what is said of the image, for maps.

        What the image looks like tells which of its cells are out of place. How odd it is as a whole would
        raise all the cells of a defective image, the good ones too.
        """
        return Cells(
            self.described, np.delete(self.evidence, _OF_IMAGE, axis=2), self._mean_looks()
        )

    def _mean_looks(self) -> Float:
        """Return (n, w) mean looks of the images."""
        means: Float = np.float32(STEP) * self.described.mean(axis=1, dtype=np.float32)
        return means

    def join(self, other: "Cells") -> "Cells":
        """Return the images of both, which are seen alike."""
        context = None
        if self.context is not None and other.context is not None:
            context = np.concatenate([self.context, other.context])
        return Cells(
            np.concatenate([self.described, other.described]),
            np.concatenate([self.evidence, other.evidence]),
            context,
        )

    def rows(self, images: Indices, places: Indices) -> Float:
        """Return (m, n_columns) float32 rows of m cells, each an image and a place in it."""
        looks = np.float32(STEP) * self.described[images, places]
        around = [] if self.context is None else [self.context[images]]
        return np.concatenate([looks, *around, self.evidence[images, places]], axis=1)

    def products(self, image: int, weights: Float) -> Float:
        """Return (p, h), all rows of an image times (n_columns, h) weights.

        One image at a time: rounding depends on the shape of a matrix product. What its cells share is
        multiplied once.
        """
        w, e = self.described.shape[2], self.evidence.shape[2]
        own = np.concatenate(
            [np.float32(STEP) * self.described[image], self.evidence[image]], axis=1
        )
        found: Float = own @ np.concatenate([weights[:w], weights[len(weights) - e :]])
        if self.context is not None:
            found += self.context[image] @ weights[w : 2 * w]
        return found


def evidence_of(normality: GaussianNormality, measured: Measurements) -> Float:
    """Return (n, p, 5) float32: what the normality model says of each cell.

    The cell's distance, the mean over it and its neighbors, the mean over the image (each standardized),
    and both parts of the map.
    """
    # image after image in memory: the rounding of a mean depends on how far apart its values lie
    z = np.ascontiguousarray(normality.standardized_cells(measured)[:, :, 0].T)
    near, plain = (
        _mean_of_neighbors(z),
        np.repeat(z.mean(axis=1, keepdims=True), z.shape[1], axis=1),
    )
    means, lines = (part[:, :, 0].T for part in normality.map_parts(measured))
    columns = np.clip(np.stack([z, near, plain, means, lines], axis=2), -_MOST, _MOST)
    return np.asarray(_GAIN * columns, np.float32)


def _mean_of_neighbors(values: Float) -> Float:
    """Return the means over 3 x 3 cells of (n, g * g) values; edges are repeated."""
    n, p = values.shape
    g = round(p**0.5)
    padded = np.pad(values.reshape(n, g, g), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :g] + padded[:, 1 : g + 1] + padded[:, 2:]
    means: Float = (rows[:, :, :g] + rows[:, :, 1 : g + 1] + rows[:, :, 2:]) / 9
    return np.asarray(means.reshape(n, p))
