"""Random brightness, contrast, saturation and hue, each one affine map of the RGB values."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain.images import Image

_GRAY = np.array([0.299, 0.587, 0.114])


def random_recoloring(image: Image, rng: np.random.Generator) -> Image:
    """Return an image in quite other colors, so that one photograph gives many textures.

    Parameters
    ----------
    image : (h, w, 3) uint8
    rng : draws hue (any), saturation 0 to 1.5, contrast .5 to 1.5 (negative in one of four), brightness

    Returns
    -------
    (h, w, 3) uint8
    """
    contrast = rng.uniform(0.5, 1.5) * (-1 if rng.random() < 0.25 else 1)
    matrix = contrast * color_matrix(rng.uniform(-np.pi, np.pi), rng.uniform(0, 1.5))
    return apply_affine(image, matrix, rng.uniform(60, 195) - contrast * 128)


def random_shift(image: Image, rng: np.random.Generator) -> Image:
    """Return an image in somewhat other colors: brightness .7 to 1.4, saturation .5 to 1.5, hue +-30 deg.

    Parameters
    ----------
    image : (h, w, 3) uint8
    rng : draws the three

    Returns
    -------
    (h, w, 3) uint8; a gray image stays gray
    """
    matrix = color_matrix(rng.uniform(-np.pi / 6, np.pi / 6), rng.uniform(0.5, 1.5))
    return apply_affine(image, rng.uniform(0.7, 1.4) * matrix, 0.0)


def color_matrix(hue: float, saturation: float) -> NDArray[np.float64]:
    """Return (3, 3): turns colors by `hue` radians about the gray axis, scales their distance from it."""
    third, s = math.cos(hue) / 3, math.sin(hue) / math.sqrt(3)
    turn = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * s
    turn = turn + np.eye(3) * math.cos(hue) + (1 / 3 - third)
    return np.asarray(saturation * turn + (1 - saturation) * _GRAY)


def apply_affine(image: Image, matrix: NDArray[np.float64], offset: float) -> Image:
    """Return matrix @ rgb + offset of every pixel, clipped to 0..255.

    Parameters
    ----------
    image : (h, w, 3) uint8
    matrix : (3, 3)
    offset : added to every channel
    """
    rows = np.column_stack([matrix, np.full(3, offset)])
    picture = Pillow.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.convert("RGB", tuple(rows.ravel().tolist())))


def as_gray(image: Image) -> Image:
    """Return (h, w, 3) uint8 without color."""
    gray = np.asarray(Pillow.fromarray(np.ascontiguousarray(image)).convert("L"))
    return np.repeat(gray[:, :, None], 3, axis=2)
