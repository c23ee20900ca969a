"""What each cell of an image looks like, in a few numbers of one byte each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Samples

Float = NDArray[np.float32]
Described = NDArray[np.int8]

# Leading directions kept of what cells look like, and of their lines.
_N_LOOKS, _N_LINES = 128, 40
# Variance below this share of the mean is noise.
_VARIANCE_FLOOR = 1e-4
STEP = 0.1
"""Of the numbers of `Described`, in deviations over good images; far below the noise of any."""


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

    def describe(self, normality: GaussianNormality, samples: Samples) -> Described:
        """Return (n, p, width) int8, in steps of `STEP`, of images that are read as one tile.

        Coarse in fit and score alike, so that both see the same, and a bundle can remember many images.
        """
        cells = samples.cells[:, :, 0] - normality.cells_.means[:, None]
        lines = samples.lines[:, :, 0] - normality.lines_.means[:, None]
        # image by image: rounding depends on the shape of a matrix product
        rows = [
            np.concatenate(
                [
                    np.ascontiguousarray(cells[:, i]) @ self.looks,
                    np.ascontiguousarray(lines[:, i]) @ self.lines,
                ],
                axis=1,
            )
            for i in range(len(samples))
        ]
        return np.clip(np.rint(np.stack(rows) / np.float32(STEP)), -127, 127).astype(np.int8)

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


def _whitening(covariance: Float, n_dims: int) -> Float:
    variances, directions = np.linalg.eigh(covariance.astype(np.float64))
    n = min(n_dims, len(variances))
    kept = np.maximum(variances[-n:], _VARIANCE_FLOOR * max(float(variances.mean()), 1e-9))
    return np.asarray(directions[:, -n:] * kept**-0.5, np.float32)
