"""How far images are from normal, cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


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
