"""Images as `Normality` sees them: features, weights, distances, of n images together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """Features of n images.

    Attributes
    ----------
    places : (p, n, d) float32
    patches : n grids (rows, columns, e) float32
    image : (n, c) float32, of the image as a whole
    """

    places: Float
    patches: Sequence[Float]
    image: Float

    def __len__(self) -> int:
        return len(self.image)

    def take(self, images: slice) -> "Samples":
        """Return some of the images."""
        places = np.ascontiguousarray(self.places[:, images])
        return Samples(places, self.patches[images], self.image[images])


@dataclass(frozen=True)
class Weights:
    """How much n images count in what is normal, 1 = fully, 0 = not at all.

    Attributes
    ----------
    image : (n,) float32, of the image as a whole
    places : (n, p) float32, of each place
    """

    image: Float
    places: Float

    @classmethod
    def equal(cls, n_images: int, n_places: int) -> Self:
        """Return those of images that all count fully."""
        return cls(np.ones(n_images, np.float32), np.ones((n_images, n_places), np.float32))

    def take(self, images: slice | NDArray[np.intp]) -> "Weights":
        """Return those of some of the images."""
        return Weights(self.image[images], self.places[images])


@dataclass(frozen=True)
class Measurements:
    """Distances of n images before they are brought to one scale.

    Attributes
    ----------
    places : (n, p) float32, Mahalanobis distances to the place's Gaussian
    patches : (n, q) float32, distances of all patches to the nearest normal one
    image : (n,) float32, Mahalanobis distance of the image as a whole
    """

    places: Float
    patches: Float
    image: Float

    def __len__(self) -> int:
        return len(self.image)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Return the images of all the parts, in order."""
        return cls(
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.patches for part in parts]),
            np.concatenate([part.image for part in parts]),
        )

    def take(self, images: slice | NDArray[np.integer]) -> Self:
        """Return some of the images."""
        return type(self)(self.places[images], self.patches[images], self.image[images])
