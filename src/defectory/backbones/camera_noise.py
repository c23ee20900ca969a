"""Camera noise: how much of it reaches a backbone, and a blur that takes most of it off.

Source of the estimate: Immerkaer 1996 (the operator, blind to planes), Donoho & Johnstone 1994 (the median
of absolute values, so that edges do not count). Differs from them: the former takes the mean, the latter
wavelets.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ImageSource
from defectory.domain.images import Image

LEAST_NOISE = 3.0
"""Gray levels that resizing leaves; less is left alone. Clean magnetic tiles show 1.4, solar cells 0.3."""

_MAX_MEASURED = 32
# More pixels say no more, and take memory.
_MEASURED_PX = 1024
# On smaller images edges are everywhere, and noise cannot be told from them.
_LEAST_PX = 64
# The operator's weights are 1, 2 and 4 with signs; so much is their root of summed squares.
_OPERATOR_NORM = 6.0
# Standard deviation of a normal distribution by its median absolute value.
_SPREAD_A_MEDIAN = 1 / 0.6745
# Pixels of the camera for each gray level of noise, which leaves 1.6 levels; and the most after resizing.
BLUR_PX, MAX_BLUR_PX = 0.18, 4.0
# Color carries more noise than detail, on gray parts nothing else.
COLOR_BLUR = 4.0


def estimate_noise(image: Image) -> float:
    """Return the standard deviation of the noise in an image's brightness, in gray levels.

    Parameters
    ----------
    image : (h, w, 3) uint8, RGB; white noise on something smooth in most places. Brightness is the mean of
        the channels

    Notes
    -----
    Texture as fine as a pixel counts as noise; the middle 1,024 px are looked at. 0 for images below 64 px.
    """
    height, width = image.shape[:2]
    if min(height, width) < _LEAST_PX:
        return 0.0
    top, left = (max(0, (side - _MEASURED_PX) // 2) for side in (height, width))
    middle = image[top : top + _MEASURED_PX, left : left + _MEASURED_PX]
    total = middle.sum(axis=2, dtype=np.int16)
    curved = total[:-2] - 2 * total[1:-1] + total[2:]
    curved = curved[:, :-2] - 2 * curved[:, 1:-1] + curved[:, 2:]
    return float(np.median(np.abs(curved))) / 3 * _SPREAD_A_MEDIAN / _OPERATOR_NORM


def measure_noise(
    images: ImageSource, indices: Sequence[int] | NDArray[np.intp], side_px: int
) -> float:
    """Return the camera noise of these images, 0 where little of it is left once they are squares.

    Parameters
    ----------
    images, indices : at most 32 of them, evenly spaced, are read
    side_px : side of the squares

    Returns
    -------
    Median over the images, gray levels of brightness, a float32 number; 0 where the median of what resizing
    leaves is below `LEAST_NOISE`
    """
    chosen = np.linspace(0, len(indices) - 1, min(len(indices), _MAX_MEASURED)).astype(np.intp)
    found, left = [], []
    for place in chosen:
        image = images.read([int(indices[place])])[0]
        found.append(estimate_noise(image))
        left.append(found[-1] * _noise_share(image, side_px))
    return float(np.float32(np.median(found))) if np.median(left) >= LEAST_NOISE else 0.0


def take_off_noise(
    image: Image, noise: float, scales: tuple[float, float] = (1.0, 1.0)
) -> NDArray[np.float32]:
    """Return the image blurred as much as so much noise asks for, colors more than brightness.

    Parameters
    ----------
    image : (h, w, 3) uint8, RGB
    noise : > 0, standard deviation in brightness before resizing, gray levels
    scales : pixels of `image` for one of the camera's, down and across: the blur is as wide for the camera
        whatever the image was resized to

    Returns
    -------
    (h, w, 3) float32: rounding now, before faint contrasts are raised, would bring noise of its own
    """
    fine = [min(noise * BLUR_PX * scale, MAX_BLUR_PX) for scale in scales]
    coarse = [COLOR_BLUR * radius_px for radius_px in fine]
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)
    brightness = planes.mean(axis=0, keepdims=True)
    colors = _blur(planes - brightness, coarse)
    blurred: NDArray[np.float32] = (_blur(brightness, fine) + colors).transpose(1, 2, 0)
    return np.ascontiguousarray(blurred)


def _blur(planes: NDArray[np.float32], radii_px: Sequence[float]) -> NDArray[np.float32]:
    """Return (c, h, w) planes, each with a Gaussian blur down and across; edges are repeated."""
    for radius_px in radii_px:
        reach, side = int(np.ceil(3 * radius_px)), planes.shape[1]
        weights = np.exp(-((np.arange(-reach, reach + 1) / radius_px) ** 2) / 2)
        weights = (weights / weights.sum()).astype(np.float32)
        padded = np.pad(planes, ((0, 0), (reach, reach), (0, 0)), mode="edge")
        planes = weights[0] * padded[:, :side]
        for i, weight in enumerate(weights[1:], 1):
            planes += weight * padded[:, i : i + side]
        planes = planes.swapaxes(1, 2)
    return planes


def _noise_share(image: Image, side_px: int) -> float:
    """Return the share of white noise that antialiased bilinear resizing leaves.

    A triangle of half-width s, the factor of shrinking (1 where pixels are added), leaves 2 / (3 s) of the
    variance in each direction that is resized.
    """
    kept = [1.0 if n == side_px else 2 / (3 * max(n / side_px, 1.0)) for n in image.shape[:2]]
    return float(np.sqrt(kept[0] * kept[1]))
