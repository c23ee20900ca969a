"""The product itself, turned, recolored and shuffled: right texture, wrong place."""

import math

import numpy as np
from PIL import Image as Pillow

from defectory.domain.images import Image
from defectory.simulation.recoloring import random_shift


def disturbed(image: Image, shape: tuple[int, int], rng: np.random.Generator) -> Image:
    """Return the image mirrored, turned and recolored at random.

    Parameters
    ----------
    image : (h, w, 3) uint8
    shape : (h, w) of the result, taken from the middle; what lies outside is mirrored in
    rng : draws mirrors, an angle of -90 to 90 degrees, brightness, saturation and hue

    Returns
    -------
    (*shape, 3) uint8
    """
    flips = rng.integers(2, size=2)
    mirrored = image[:: 1 - 2 * int(flips[0]), :: 1 - 2 * int(flips[1])]
    angle = rng.uniform(-np.pi / 2, np.pi / 2)
    return random_shift(_turned(mirrored, shape, angle), rng)


def shuffled(image: Image, grid: tuple[int, int], rng: np.random.Generator) -> Image:
    """Return the image cut into a grid whose cells are shuffled.

    Parameters
    ----------
    image : (h, w, 3) uint8; rows and columns must divide h and w
    grid : (rows, columns)
    rng : draws the order

    Returns
    -------
    (h, w, 3) uint8
    """
    (h, w), (rows, columns) = image.shape[:2], grid
    cells = image.reshape(rows, h // rows, columns, w // columns, 3).swapaxes(1, 2)
    cells = cells.reshape(rows * columns, h // rows, w // columns, 3)
    moved = cells[rng.permutation(rows * columns)].reshape(
        rows, columns, h // rows, w // columns, 3
    )
    return moved.swapaxes(1, 2).reshape(h, w, 3)


def structural_source(image: Image, grid: tuple[int, int], rng: np.random.Generator) -> Image:
    """Return the image disturbed, then shuffled.

    Parameters
    ----------
    image : (h, w, 3) uint8, any size
    grid : (rows, columns); at most one cell a pixel is made
    rng : see `disturbed` and `shuffled`

    Returns
    -------
    (h, w, 3) uint8

    Notes
    -----
    Source: MemSeg and MAPL, section on anomaly simulation (4 x 8 cells). Differs from it: where the
    turned picture leaves corners empty, the picture goes on mirrored; sizes that the grid does not
    divide are rounded up and cut.
    """
    h, w = image.shape[:2]
    rows, columns = min(grid[0], h), min(grid[1], w)
    whole = (math.ceil(h / rows) * rows, math.ceil(w / columns) * columns)
    return shuffled(disturbed(image, whole, rng), (rows, columns), rng)[:h, :w]


def _turned(image: Image, shape: tuple[int, int], angle: float) -> Image:
    """Return the middle of the image turned by an angle in radians, mirrored outside (bilinear)."""
    (h, w), (image_h, image_w) = shape, image.shape[:2]
    cos, sin = math.cos(angle), math.sin(angle)
    reach_x = (abs(cos) * w + abs(sin) * h) / 2
    reach_y = (abs(sin) * w + abs(cos) * h) / 2
    margin_y = max(0, math.ceil(reach_y - image_h / 2)) + 1
    margin_x = max(0, math.ceil(reach_x - image_w / 2)) + 1
    padded = np.pad(image, ((margin_y,) * 2, (margin_x,) * 2, (0, 0)), mode="symmetric")
    origin_x = padded.shape[1] / 2 - (cos * w + sin * h) / 2
    origin_y = padded.shape[0] / 2 - (-sin * w + cos * h) / 2
    picture = Pillow.fromarray(padded).transform(
        (w, h),
        Pillow.Transform.AFFINE,
        (cos, sin, origin_x, -sin, cos, origin_y),
        Pillow.Resampling.BILINEAR,
    )
    return np.asarray(picture)
