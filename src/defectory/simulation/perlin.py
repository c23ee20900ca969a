"""Two-dimensional Perlin noise, and the irregular masks that come of it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain.images import Mask

Field = NDArray[np.float32]
"""(h, w) float32."""

THRESHOLD = 0.5
_MAX_OCTAVE = 5  # 2^5 = 32 cells along an axis
# A finer grid than this has no noise left between its nodes.
_MIN_CELL_PX = 2.0
_TO_UNIT_RANGE = math.sqrt(2.0)


def perlin_noise(
    shape: tuple[int, int], cells: tuple[float, float], rng: np.random.Generator
) -> Field:
    """Return Perlin noise: smooth, zero at the nodes of its grid, about -1 to 1.

    Parameters
    ----------
    shape : (h, w), >= 1 each
    cells : > 0, grid cells along the height and the width; the last cell may be cut off by the border
    rng : draws a gradient of length 1 for each node

    Returns
    -------
    (h, w) float32 in [-1, 1]

    Notes
    -----
    Source: Perlin 1985 with the fade 6t^5 - 15t^4 + 10t^3 of 2002. The noise is linear in the gradients
    and its weights are products of one factor an axis, so the few rows of nodes are brought to full
    width first. Cost: O(h w). Random: the gradients. No matrix products: on busy machines, the threads
    of BLAS wait for each other longer than this takes.
    """
    (h, w), (cells_y, cells_x) = shape, cells
    along, down = _Axis.over(w, cells_x), _Axis.over(h, cells_y)
    angle = rng.uniform(0, 2 * np.pi, (math.ceil(cells_y) + 1, math.ceil(cells_x) + 1))
    rise = along.blend(np.sin(angle).astype(np.float32).T, along.weights).T
    run = along.blend(np.cos(angle).astype(np.float32).T, along.ramps).T
    noise = down.blend(run, down.weights)
    noise += down.blend(rise, down.ramps)
    noise *= np.float32(_TO_UNIT_RANGE)
    return noise


def perlin_mask(shape: tuple[int, int], rng: np.random.Generator) -> Mask:
    """Return where rotated Perlin noise of a random scale exceeds .5; it may be empty.

    Parameters
    ----------
    shape : (h, w), >= 1 each
    rng : draws the scales, the angle and the noise

    Returns
    -------
    (h, w) bool

    Notes
    -----
    Source: METHODS of MemSeg (arXiv 2205.00908) and MAPL (arXiv 2405.06198): 2^0 to 2^5 cells an axis,
    turned by -90 to 90 degrees. Differs from them: the noise covers the turned picture to its corners
    instead of leaving them empty, and cells are at least 2 px wide.
    """
    h, w = shape
    cells_y, cells_x = 2.0 ** rng.integers(0, _MAX_OCTAVE + 1, 2)
    angle = rng.uniform(-np.pi / 2, np.pi / 2)
    side = math.ceil(math.hypot(h, w)) + 1
    finest = side / _MIN_CELL_PX
    cells = (min(cells_y * side / h, finest), min(cells_x * side / w, finest))
    noise = perlin_noise((side, side), cells, rng)
    return np.asarray(_turned(noise, shape, angle) > THRESHOLD)


@dataclass(frozen=True)
class _Axis:
    """Which two nodes of a line are about each pixel, and what they count there.

    Attributes
    ----------
    low : (n_px,) the node before; the one after is the next
    weights : two (n_px, 1) faded weights, of the node before and after
    ramps : two (n_px, 1), the weights times the distance from the node
    """

    low: NDArray[np.intp]
    weights: tuple[Field, Field]
    ramps: tuple[Field, Field]

    @classmethod
    def over(cls, n_px: int, cells: float) -> "_Axis":
        position = (np.arange(n_px) + 0.5) * (cells / n_px)
        low = np.minimum(position.astype(np.intp), math.ceil(cells) - 1)
        t = (position - low).astype(np.float32)[:, None]
        fade = t * t * t * (t * (t * 6 - 15) + 10)
        return cls(low, (1 - fade, fade), ((1 - fade) * t, fade * (t - 1)))

    def blend(self, nodes: Field, factors: tuple[Field, Field]) -> Field:
        """Return (n_px, m) from (n_nodes, m): the two nodes about each pixel, each times its factor."""
        blended = nodes[self.low] * factors[0]
        blended += nodes[self.low + 1] * factors[1]
        return blended


def _turned(field: Field, shape: tuple[int, int], angle: float) -> Field:
    """Return the middle (h, w) of the field turned by an angle in radians (bilinear)."""
    (h, w), (field_h, field_w) = shape, field.shape
    cos, sin = math.cos(angle), math.sin(angle)
    origin_x = field_w / 2 - (cos * w + sin * h) / 2
    origin_y = field_h / 2 - (-sin * w + cos * h) / 2
    picture = Pillow.fromarray(field).transform(
        (w, h),
        Pillow.Transform.AFFINE,
        (cos, sin, origin_x, -sin, cos, origin_y),
        Pillow.Resampling.BILINEAR,
    )
    return np.asarray(picture)
