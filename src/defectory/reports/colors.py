"""The color ramp of the heatmaps: lightness rises evenly, so it also reads in gray."""

import numpy as np
from numpy.typing import NDArray

# Lightness, chroma and hue (degrees) in OKLCH: dark violet, magenta, orange, pale yellow.
_STOPS = np.array(
    [
        [0.24, 0.09, 285.0],
        [0.41, 0.19, 325.0],
        [0.58, 0.20, 385.0],
        [0.76, 0.16, 420.0],
        [0.94, 0.11, 465.0],
    ]
)

# Oklab to linear sRGB: B. Ottosson, "A perceptual color space for image processing" (2020).
_LAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def heat_ramp(n_colors: int = 256) -> NDArray[np.float32]:
    """Return the ramp from no anomaly to the strongest.

    Parameters
    ----------
    n_colors : >= 2

    Returns
    -------
    (n_colors, 3) float32, sRGB in 0-255
    """
    position = np.linspace(0, len(_STOPS) - 1, n_colors)
    lightness, chroma, hue = (
        np.interp(position, np.arange(len(_STOPS)), column) for column in _STOPS.T
    )
    angle = np.deg2rad(hue)
    lab = np.stack([lightness, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1)
    linear = np.clip((lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T, 0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    ramp: NDArray[np.float32] = (255 * gamma).astype(np.float32)
    return ramp
