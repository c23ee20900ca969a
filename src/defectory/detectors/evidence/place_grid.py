"""Places and patches of an image: two grids, of which the coarser has one cell for several of the other."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.grids import interpolation_matrix

Float = NDArray[np.float32]

_STRIDE_PX = 16
# Gaussians at most, about: finer grids share one among neighbors.
_MOST_PLACES = 256


@dataclass(frozen=True)
class PlaceGrid:
    """How patches share places.

    Attributes
    ----------
    patches, places : (rows, columns) of either
    share : patches that share a place, in each direction
    """

    patches: tuple[int, int]
    places: tuple[int, int]
    share: int

    @classmethod
    def of(cls, shape_px: tuple[int, int]) -> Self:
        """Return that of images (height, width) of multiples of 32: at most some 512 places."""
        rows, columns = (side // _STRIDE_PX for side in shape_px)
        share = 1
        while rows * columns > 2 * _MOST_PLACES * share**2 and not (
            rows % (2 * share) or columns % (2 * share)
        ):
            share *= 2
        return cls((rows, columns), (rows // share, columns // share), share)

    @property
    def n_patches(self) -> int:
        """Patches of an image, q."""
        return self.patches[0] * self.patches[1]

    @property
    def n_places(self) -> int:
        """Places of an image, p."""
        return self.places[0] * self.places[1]

    def mean(self, patches: Float) -> Float:
        """Return (p, d): means of the (rows, columns, d) patches that share a place."""
        (rows, columns), k = self.places, self.share
        pooled = patches if k == 1 else patches.reshape(rows, k, columns, k, -1).mean(axis=(1, 3))
        return pooled.reshape(rows * columns, -1)

    def highest(self, patches: Float) -> Float:
        """Return (n, p), the highest of (n, q) values of patches that share a place."""
        (rows, columns), k = self.places, self.share
        highest: Float = patches.reshape(len(patches), rows, k, columns, k).max(axis=(2, 4))
        return highest.reshape(len(patches), -1)

    def repeat(self, places: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return (rows, columns) marks of patches: each that of its place, of (p,)."""
        return places.reshape(self.places).repeat(self.share, axis=0).repeat(self.share, axis=1)

    def spread(self, places: Float) -> Float:
        """Return (n, rows, columns) values of patches, interpolated between (n, p) of places."""
        down, across = (
            interpolation_matrix(few, many)
            for few, many in zip(self.places, self.patches, strict=True)
        )
        grids = places.reshape(len(places), *self.places)
        # image by image: rounding depends on the shape of a matrix product
        found = np.array([down @ grid @ across.T for grid in grids], np.float32)
        return found.reshape(len(places), *self.patches)
