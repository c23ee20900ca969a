"""Each cell of an image as one row: what it looks like, and how far from normal it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features
from defectory.detectors.base import Arrays
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Measurements
from defectory.detectors.states import check_array

Float = NDArray[np.float32]
Described = NDArray[np.int8]

# Leading directions kept of what cells look like, and of their lines.
_N_LOOKS, _N_LINES = 128, 40
# Variance below this share of the mean is noise.
_VARIANCE_FLOOR = 1e-4
# Evidence grows without bound where an image is broken; beyond this it is all the same.
_MOST = 40.0
# Looks have unit variance over good images; a step is far below the noise of any.
_STEP = 0.1
# float16 products are slow: looks of each int8, by the same byte unsigned.
_LOOKS = (np.arange(256).astype(np.uint8).view(np.int8) * _STEP).astype(np.float16)
# Evidence counts so much more to a classifier than looks, of unit variance: it is true of any defect.
_GAIN = 3.0
N_EVIDENCE = 5
"""Columns of `evidence`."""
_OF_IMAGE = 2


@dataclass(frozen=True)
class CellDescriptor:
    """Whitening projections of what sets a cell apart from its own mean.

    Attributes
    ----------
    looks : (d, l) float32, of the features of the position stages
    lines : (e, m) float32, of the line residuals
    """

    looks: Float
    lines: Float

    @classmethod
    def of(cls, normality: GaussianNormality) -> Self:
        """Return the projections onto leading directions within cells, each brought to unit variance."""
        return cls(
            _whitening(normality.cell_covariance_, _N_LOOKS),
            _whitening(normality.line_covariance_, _N_LINES),
        )

    @property
    def width(self) -> int:
        """Columns of `describe`."""
        return int(self.looks.shape[1] + self.lines.shape[1])

    def describe(self, normality: GaussianNormality, batch: list[Features]) -> Described:
        """Return (n, p, width) int8 of images that are read as one tile; see `as_looks`.

        Coarse in fit and score alike, so that both see the same, and a bundle can remember many images.
        """
        cells = normality.samples(batch)[:, :, 0] - normality.cells_.means[:, None]
        lines = normality.lines(batch)[:, :, 0] - normality.lines_.means[:, None]
        # image by image: rounding depends on the shape of a matrix product
        rows = [
            np.concatenate(
                [
                    np.ascontiguousarray(cells[:, i]) @ self.looks,
                    np.ascontiguousarray(lines[:, i]) @ self.lines,
                ],
                axis=1,
            )
            for i in range(len(batch))
        ]
        return np.clip(np.rint(np.stack(rows) / _STEP), -127, 127).astype(np.int8)

    def arrays(self) -> Arrays:
        """Return the projections."""
        return {"looks": self.looks, "lines": self.lines}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], normality: GaussianNormality) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit the normality model."""
        widths = normality.cells_.means.shape[1], normality.lines_.means.shape[1]
        return cls(
            check_array(arrays, "looks", (widths[0], None)),
            check_array(arrays, "lines", (widths[1], None)),
        )


def as_looks(described: Described) -> NDArray[np.float16]:
    """Return what `describe` gave in units of the deviation over good images, float16."""
    return _LOOKS[described.view(np.uint8)]


def evidence(normality: GaussianNormality, measured: Measurements) -> Float:
    """Return (n, p, 5) float32: what the normality model says of each cell.

    The cell's distance, the mean over it and its neighbors, the mean over the image (each standardized),
    and both parts of the map.
    """
    z = normality.standardized_cells(measured)[:, :, 0].T
    near, plain = (
        _mean_of_neighbors(z),
        np.repeat(z.mean(axis=1, keepdims=True), z.shape[1], axis=1),
    )
    means, lines = (part[:, :, 0].T for part in normality.map_parts(measured))
    columns = np.clip(np.stack([z, near, plain, means, lines], axis=2), -_MOST, _MOST)
    return np.asarray(_GAIN * columns, np.float32)


def in_context(cells: NDArray[np.float16]) -> NDArray[np.float16]:
    """Return (n, p, 2 w + 4) float16: looks, mean looks of the image, evidence but for that of the image.

    What the image looks like tells which of its cells are out of place. How odd it is as a whole would raise
    all the cells of a defective image, the good ones too.

    Parameters
    ----------
    cells : (n, p, w + 5) float16 looks and evidence
    """
    looks, said = cells[:, :, :-N_EVIDENCE], cells[:, :, -N_EVIDENCE:]
    means = looks.mean(axis=1, dtype=np.float32, keepdims=True).astype(np.float16)
    return np.concatenate(
        [looks, np.broadcast_to(means, looks.shape), np.delete(said, _OF_IMAGE, axis=2)], axis=2
    )


def _mean_of_neighbors(values: Float) -> Float:
    """Return the means over 3 x 3 cells of (n, g * g) values; edges are repeated."""
    n, p = values.shape
    g = round(p**0.5)
    padded = np.pad(values.reshape(n, g, g), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :g] + padded[:, 1 : g + 1] + padded[:, 2:]
    means: Float = (rows[:, :, :g] + rows[:, :, 1 : g + 1] + rows[:, :, 2:]) / 9
    return np.asarray(means.reshape(n, p))


def _whitening(covariance: Float, n_dims: int) -> Float:
    variances, directions = np.linalg.eigh(covariance.astype(np.float64))
    n = min(n_dims, len(variances))
    kept = np.maximum(variances[-n:], _VARIANCE_FLOOR * max(float(variances.mean()), 1e-9))
    return np.asarray(directions[:, -n:] * kept**-0.5, np.float32)
