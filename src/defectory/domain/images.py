"""Images as the detectors see them: lazy, sized, without paths; and what is known of one."""

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from defectory.domain.errors import ParameterError

Image = NDArray[np.uint8]
"""(h, w, 3) uint8, RGB."""

Mask = NDArray[np.bool_]
"""(h, w) bool, True where defective."""


class Label(IntEnum):
    """What a person has said of an image. Unlabeled is not normal; a missing mask is not an empty one."""

    UNLABELED = -1
    NORMAL = 0
    ANOMALOUS = 1


class ImageSource(Protocol):
    """A lazy, sized collection of RGB images; sizes may differ from image to image."""

    def __len__(self) -> int:
        """Return how many images there are."""
        ...

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`.

        Parameters
        ----------
        indices : places of the images, from 0

        Returns
        -------
        list of (h, w, 3) uint8 RGB

        Raises
        ------
        ImageReadError : an image cannot be read.
        """
        ...

    def fingerprint(self, index: int) -> str:
        """Return a hash of the content of one image (a cache key; equal content, equal hash).

        Parameters
        ----------
        index : place of the image
        """
        ...


class MaskSource(Protocol):
    """Masks that run parallel to an ImageSource. None means that no mask exists, not an empty one."""

    def __len__(self) -> int:
        """Return how many masks there are, missing ones included."""
        ...

    def read(self, index: int) -> Mask | None:
        """Return the mask of one image, or None where there is none.

        Parameters
        ----------
        index : place of the image

        Returns
        -------
        (h, w) bool of the size of its image, True where defective

        Raises
        ------
        MaskError : it cannot be read.
        """
        ...


class ArrayImages:
    """Images held in memory, behind the ImageSource protocol.

    Parameters
    ----------
    images : sequence of (h, w, 3) or (h, w) uint8, or one (n, h, w, 3) uint8 array
        Gray images are repeated over three channels. Not copied.

    Raises
    ------
    ParameterError : an image has another shape or dtype, or no pixels.
    """

    def __init__(self, images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> None:
        self._images = [_as_rgb(image, i) for i, image in enumerate(images)]

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`."""
        return [self._images[i] for i in indices]

    def fingerprint(self, index: int) -> str:
        """Return a hash of the pixels and the shape."""
        image = np.ascontiguousarray(self._images[index])
        return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


class ChosenImages:
    """Some images of a source, numbered anew, behind the ImageSource protocol."""

    def __init__(self, images: ImageSource, chosen: Sequence[int] | NDArray[np.intp]) -> None:
        self._images, self._chosen = images, [int(i) for i in chosen]

    def __len__(self) -> int:
        return len(self._chosen)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices` among the chosen."""
        return self._images.read([self._chosen[i] for i in indices])

    def fingerprint(self, index: int) -> str:
        """Return the image's own fingerprint."""
        return self._images.fingerprint(self._chosen[index])


def _as_rgb(image: NDArray[np.uint8], index: int) -> Image:
    array = np.asarray(image)
    gray, rgb = array.ndim == 2, array.ndim == 3 and array.shape[2] == 3
    if array.dtype != np.uint8 or not (gray or rgb) or array.size == 0:
        raise ParameterError(
            f"image {index} is {array.dtype} {array.shape}; "
            "expected uint8 (h, w, 3) or (h, w) with at least one pixel"
        )
    return np.repeat(array[:, :, None], 3, axis=2) if gray else array
