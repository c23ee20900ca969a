"""From an image of any size to what a backbone reads: a stated size, evenly exposed."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from defectory.domain.images import Image

PREPARATION_VERSION = 2
"""Raised whenever an image of the same pixels comes out differently: cached features are then made anew."""

EXPOSURE_MEAN, EXPOSURE_SPREAD = 110.0, 40.0
# Added to the spread: a nearly uniform picture must not have its noise blown up.
SPREAD_FLOOR = 5.0


def prepare_image(
    image: Image, size: int | tuple[int, int], *, even_exposure: bool, noise: float = 0.0
) -> Image:
    """Return the image resized (antialiased bilinear; the aspect is not kept).

    Parameters
    ----------
    image : (h, w, 3) uint8, RGB
    size : height and width of the result in pixels, or the side of a square
    even_exposure : bring the mean over all pixels and channels to 110 and their standard deviation
        towards 40 (gain 40 / (deviation + 5)), one gain for all channels so that hues stay. Lamps and
        shutter times then matter less than the part.
    noise : >= 0, standard deviation of the camera noise to take off, see `take_off_noise`; 0 takes off none

    Returns
    -------
    (height, width, 3) uint8, RGB
    """
    height, width = (size, size) if isinstance(size, int) else size
    picture = _resize(PillowImage.fromarray(image), height, width)
    if noise:
        from defectory.backbones.camera_noise import take_off_noise  # few cameras have any

        blurred = take_off_noise(np.asarray(picture), noise, _scales(image, height, width))
        return _expose_exactly(blurred) if even_exposure else _round(blurred)
    return _even_exposure(picture) if even_exposure else np.asarray(picture)


def _resize(picture: PillowImage.Image, height: int, width: int) -> PillowImage.Image:
    """Return the picture resized, down and then across.

    In two calls: which way Pillow goes first depends on its version and on the sizes, and gray levels in
    between are rounded, so that one call would give other pixels under another version.
    """
    for size in ((picture.width, height), (width, height)):
        if picture.size != size:
            picture = picture.resize(size, PillowImage.Resampling.BILINEAR)
    return picture


def clean_square(square: Image, image: Image, noise: float) -> Image:
    """Return a square made of an image, a defect drawn into it perhaps, without its camera noise.

    A defect that is drawn before noise is taken off is blurred as real ones are.

    Parameters
    ----------
    square : (s, s, 3) uint8, RGB, from `prepare_image` without noise or exposure
    image : what it was made of
    noise : >= 0, see `prepare_image`; 0 returns the square itself
    """
    if not noise:
        return square
    from defectory.backbones.camera_noise import take_off_noise

    return _round(take_off_noise(square, noise, _scales(image, *square.shape[:2])))


def _scales(image: Image, height: int, width: int) -> tuple[float, float]:
    """Return the pixels of the result for one of the image's, down and across."""
    return height / image.shape[0], width / image.shape[1]


def _expose_exactly(pixels: NDArray[np.float32]) -> Image:
    """Apply the gain of `_even_exposure` to pixels that are not rounded yet."""
    gain = EXPOSURE_SPREAD / (pixels.std() + SPREAD_FLOOR)
    return _round((pixels - pixels.mean()) * gain + EXPOSURE_MEAN)


def _round(pixels: NDArray[np.float32]) -> Image:
    rounded: Image = np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)
    return rounded


def _even_exposure(picture: PillowImage.Image) -> Image:
    """Apply the gain by a table of the 256 values: exact, and 20 times faster than on the pixels."""
    counts = np.array(picture.histogram()).reshape(3, 256).sum(axis=0)
    values = np.arange(256)
    n_values = 3 * picture.width * picture.height
    mean = float(counts @ values) / n_values
    spread = float(np.sqrt(counts @ (values - mean) ** 2 / n_values))
    gain = EXPOSURE_SPREAD / (spread + SPREAD_FLOOR)
    table = np.rint(np.clip((values - mean) * gain + EXPOSURE_MEAN, 0, 255)).astype(np.uint8)
    exposed: Image = table.take(np.asarray(picture))
    return exposed
