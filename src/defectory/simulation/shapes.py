"""Soft shapes that defects take: blobs and strokes, as weights from 0 to 1."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from defectory.simulation.perlin import Field

_N_HARMONICS = 4
_OVERSAMPLING = 2


@dataclass(frozen=True)
class Blob:
    """A closed outline: an ellipse or rounded box whose radius wobbles around.

    Attributes
    ----------
    center : (y, x) px
    radii : (across, along) px, > 0
    angle : radians
    exponent : 2 is an ellipse, 8 nearly a box
    wobble : 0 to .3, how far the outline strays, as a share of the radius
    softness : (0, 1], share of the radius over which the weight falls from 1 to 0
    """

    center: tuple[float, float]
    radii: tuple[float, float]
    angle: float
    exponent: float
    wobble: float
    softness: float


def draw_blob(alpha: Field, blob: Blob, rng: np.random.Generator) -> None:
    """Raise the weights to those of the blob where they are lower, in place.

    Parameters
    ----------
    alpha : (h, w) float32 in [0, 1], changed
    blob : may reach beyond the picture
    rng : draws the wobble
    """
    amplitude = rng.normal(0, 1, _N_HARMONICS) / np.arange(1, _N_HARMONICS + 1)
    phase = rng.uniform(0, 2 * np.pi, _N_HARMONICS)
    (h, w), (y, x) = alpha.shape, blob.center
    reach = math.sqrt(2) * max(blob.radii) * (1 + 2 * blob.wobble) + 1
    top, left = max(0, math.floor(y - reach)), max(0, math.floor(x - reach))
    window = alpha[top : min(h, math.ceil(y + reach) + 1), left : min(w, math.ceil(x + reach) + 1)]
    dy = (np.arange(window.shape[0], dtype=np.float32) + (top - y))[:, None]
    dx = (np.arange(window.shape[1], dtype=np.float32) + (left - x))[None, :]
    cos, sin = math.cos(blob.angle), math.sin(blob.angle)
    across = np.abs(cos * dy + sin * dx) / blob.radii[0]
    along = np.abs(-sin * dy + cos * dx) / blob.radii[1]
    radius = (across**blob.exponent + along**blob.exponent) ** (1 / blob.exponent)
    radius /= _outline(np.arctan2(dy, dx), amplitude, phase, blob.wobble)
    # a blob of a pixel or less must not fall between the pixels
    softness = max(blob.softness, 1 / max(1.0, *blob.radii))
    np.maximum(window, np.clip((1 - radius) / softness + 0.5, 0, 1), out=window)


def _outline(
    angle: NDArray[np.float32],
    amplitude: NDArray[np.float64],
    phase: NDArray[np.float64],
    wobble: float,
) -> Field:
    """Return the radius of the wobbling outline around, about 1, at each angle (by a table: fast)."""
    turns = np.linspace(-np.pi, np.pi, 257)
    order = np.arange(1, _N_HARMONICS + 1)
    table = 1 + wobble * np.cos(turns[:, None] * order + phase) @ amplitude
    table = np.clip(table, 1 - 2 * wobble, 1 + 2 * wobble).astype(np.float32)
    around = (angle + np.pi) * (256 / (2 * np.pi))
    return np.asarray(table[around.astype(np.intp)])


def draw_stroke(alpha: Field, start: tuple[float, float], rng: np.random.Generator) -> None:
    """Draw a thin, curved, jagged stroke into the weights, in place.

    Parameters
    ----------
    alpha : (h, w) float32 in [0, 1], changed
    start : (y, x) px of the stroke's middle
    rng : draws course, taper, length (8 to 80 % of the longer side) and width (.4 to 2 % of it, >= 1 px)
    """
    side = max(alpha.shape)
    length = side * rng.uniform(0.08, 0.8)
    width = max(1.0, side * float(np.exp(rng.uniform(np.log(0.004), np.log(0.02)))))
    n_steps = int(np.clip(length / 4, 4, 64))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(
        rng.normal(0, 0.03, n_steps) + rng.normal(0, 0.03)
    )
    # jags turn the stroke for one step only; bends, above, for all that follow
    heading += rng.normal(0, rng.uniform(0, 0.5), n_steps)
    step = length / n_steps
    course = np.cumsum(np.column_stack([np.sin(heading), np.cos(heading)]) * step, axis=0)
    course += np.asarray(start) - course[n_steps // 2]
    taper = np.sin(np.linspace(0.15, np.pi - 0.15, n_steps)) ** rng.uniform(0, 1)
    np.maximum(alpha, _rasterized(alpha.shape, course, width * taper), out=alpha)


def _rasterized(
    shape: tuple[int, ...], course: NDArray[np.float64], widths: NDArray[np.float64]
) -> Field:
    """Return the weights of a line of changing width, drawn larger and averaged for smooth edges."""
    h, w = shape
    canvas = Pillow.new("L", (w * _OVERSAMPLING, h * _OVERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    points = [(float(x), float(y)) for y, x in course * _OVERSAMPLING]
    for i in range(len(points) - 1):
        width = max(1, round(float(widths[i]) * _OVERSAMPLING))
        draw.line((points[i], points[i + 1]), fill=255, width=width)
        radius = width / 2 - 0.5
        if radius >= 1:  # joints of thick lines would gape
            x, y = points[i + 1]
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(np.asarray(canvas.reduce(_OVERSAMPLING)) / np.float32(255))
