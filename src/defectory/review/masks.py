"""Masks as the page sends them: bounded before a pixel is decoded."""

import io
import warnings

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from defectory.review.errors import RequestError

MOST_MASK_BYTES = 16 * 2**20
"""Of a PNG; what a brush paints takes a hundredth of it, on large images too."""


def read_mask(body: bytes, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (h, w) bool, True where the PNG is neither black nor transparent.

    Parameters
    ----------
    size_px : (height, width) of the image

    Raises
    ------
    RequestError : 400, no PNG, damaged, or of another size, which is looked at before memory is taken.
    """
    height, width = size_px
    try:
        # warnings of odd files, and of large ones: those of the image's size are decoded, no other
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = PIL.Image.open(io.BytesIO(body), formats=("PNG",))
            if picture.size != (width, height):
                given = " x ".join(map(str, picture.size))
                raise RequestError(400, f"The mask is {given} px, its image {width} x {height} px.")
            picture.load()
            return _marked(picture)
    except RequestError:
        raise
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise RequestError(400, "The mask is no PNG that can be read.") from error


def _marked(picture: PIL.Image.Image) -> NDArray[np.bool_]:
    if picture.mode in ("1", "L") or picture.mode.startswith("I"):
        plain: NDArray[np.bool_] = np.asarray(picture) != 0
        return plain
    colors = np.asarray(picture.convert("RGBA"))
    marked: NDArray[np.bool_] = colors[..., :3].any(axis=2) & (colors[..., 3] > 0)
    return marked
