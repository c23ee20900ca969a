"""What size a collection's images are read at: their aspect is kept, and small defects stay visible."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.engine import MAX_PIXELS
from defectory.domain import ImageSource

# Images that are looked at; their sizes rarely differ.
_MOST_READ = 16
# Up to this a square squeezes an image too little to matter, and images of several aspects fit together.
_SQUARE_ASPECT = 1.5
# The longest strips are read as if they were this long.
_MOST_ASPECT = 16.0
# Sides are multiples of it, so that neighboring patches can share a place.
_MULTIPLE_PX = 64


def choose_shape(
    images: ImageSource, indices: Sequence[int] | NDArray[np.intp], size_px: int, detail_px: int
) -> tuple[int, int]:
    """Return the (height, width) in pixels that images are resized to.

    Parameters
    ----------
    images, indices : at most 16 of them, evenly spaced, are looked at
    size_px : multiple of 32, the shorter side at least
    detail_px : larger images are read in finer detail, up to as many pixels as a square of this side has

    Notes
    -----
    Squares where the median aspect lies below 1.5; else the shorter side is at least `size_px`, so that a
    long strip has as many pixels as it needs, unless these are more than `MAX_PIXELS`. Images are never
    enlarged beyond `size_px`.
    """
    chosen = np.linspace(0, len(indices) - 1, min(len(indices), _MOST_READ)).astype(np.intp)
    sizes = np.array([images.read([int(indices[i])])[0].shape[:2] for i in chosen])
    height, width = (float(side) for side in np.median(sizes, axis=0))
    aspect = min(max(height, width) / min(height, width), _MOST_ASPECT)
    if aspect <= _SQUARE_ASPECT:
        aspect = 1.0
    finest = _whole_multiple(min(height, width, detail_px / aspect**0.5))
    short = min(max(size_px, finest), _whole_multiple((MAX_PIXELS / aspect) ** 0.5))
    if aspect == 1.0:
        return short, short
    nearest = _whole_multiple(short * aspect + _MULTIPLE_PX / 2)
    long = min(nearest, _whole_multiple(MAX_PIXELS / short))
    return (short, long) if width >= height else (long, short)


def largest_square(detail_px: int) -> tuple[int, int]:
    """Return what square images are resized to at most: what estimates go by before an image is seen."""
    side_px = min(detail_px, round(MAX_PIXELS**0.5)) // 32 * 32
    return side_px, side_px


def _whole_multiple(side_px: float) -> int:
    return int(side_px) // _MULTIPLE_PX * _MULTIPLE_PX
