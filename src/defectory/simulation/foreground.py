"""Where the product is in the picture: defects are simulated there and not on the table beside it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ParameterError
from defectory.domain.images import Image, Mask
from defectory.domain.otsu import otsu_threshold

# The automatic mask is found on a small picture: grain and thin markings are gone there, and it is fast.
_SMALL_SIDE_PX = 64
# Share of the gray values' variance that lies between the two classes. A flat histogram has .75, a
# Gaussian .64: below .8 there is no evidence of two classes.
_MIN_SEPARATION = 0.8
_MIN_BORDER_RATIO = 0.8
_MIN_CLASS_RATIO = 0.03


@dataclass(frozen=True)
class GrayThreshold:
    """The product is where the gray value is above a threshold, or below it if `inverted`.

    Attributes
    ----------
    value : 0 to 255
    inverted : the product is the darker part
    """

    value: float
    inverted: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 255:
            raise ParameterError(f"foreground threshold is {self.value}; it lies in 0 to 255")


ForegroundRule = Literal["auto", "off"] | GrayThreshold


def find_foreground(image: Image, rule: ForegroundRule = "auto") -> Mask:
    """Return the mask of the product; never empty: the whole picture where nothing was found.

    Parameters
    ----------
    image : (h, w, 3) uint8
    rule : "auto", "off" (the whole picture) or a threshold on the gray value

    Returns
    -------
    (h, w) bool

    Notes
    -----
    Source: MAPL and MemSeg take a threshold a product. Ours, "auto": Otsu's threshold, believed only if
    it separates two clear classes (80 % of the variance lies between them) and four fifths of the
    picture's border belong to one of them, which is the background. A product that fills the picture
    fails one of these, and the whole picture is foreground.
    """
    shape = image.shape[:2]
    if rule == "off":
        return np.ones(shape, bool)
    if isinstance(rule, GrayThreshold):
        gray = np.asarray(Pillow.fromarray(image).convert("L"))
        found = (gray > rule.value) != rule.inverted
    else:
        found = _automatic(image)
    return np.asarray(found) if found.any() else np.ones(shape, bool)


def _automatic(image: Image) -> Mask:
    h, w = image.shape[:2]
    small = _shrunk_gray(image)
    threshold, separation = otsu_threshold(small)
    bright = small > threshold
    border = np.concatenate([bright[0], bright[-1], bright[1:-1, 0], bright[1:-1, -1]])
    is_background_bright = border.mean() > 0.5
    product = bright != is_background_bright
    on_border = (border == is_background_bright).mean()
    is_clear = (
        separation >= _MIN_SEPARATION
        and on_border >= _MIN_BORDER_RATIO
        and _MIN_CLASS_RATIO <= product.mean() <= 1 - _MIN_CLASS_RATIO
    )
    if not is_clear:
        return np.ones((h, w), bool)
    coverage = Pillow.fromarray(np.where(product, 255, 0).astype(np.uint8))
    return np.asarray(coverage.resize((w, h), Pillow.Resampling.BILINEAR)) > 127


def _shrunk_gray(image: Image) -> NDArray[np.uint8]:
    factor = max(1, max(image.shape[:2]) // _SMALL_SIDE_PX)
    return np.asarray(Pillow.fromarray(image).reduce(factor).convert("L"))
