"""The kinds of simulated defects: each proposes other pixels and how strongly they show where."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain.images import Image, Mask
from defectory.simulation.perlin import Field, perlin_mask
from defectory.simulation.shapes import Blob, draw_blob, draw_stroke
from defectory.simulation.structural import disturbed, structural_source
from defectory.simulation.textures import TextureSource


@dataclass(frozen=True, eq=False)
class Proposal:
    """What could become a defect.

    Attributes
    ----------
    source : (h, w, 3) uint8, what is to show
    alpha : (h, w) float32 in [0, 1], how much of it shows at full opacity
    """

    source: Image
    alpha: Field


@dataclass(frozen=True)
class Materials:
    """What defects are made of.

    Attributes
    ----------
    textures : foreign pictures
    partners : other normal images of the product, or None
    grid : (rows, columns) of the structural source
    """

    textures: TextureSource
    partners: TextureSource | None
    grid: tuple[int, int]


# Share of shaded regions that are blotched rather than even.
_BLOTCHED_RATIO = 0.25

Propose = Callable[[Image, Mask, Materials, np.random.Generator], Proposal]


def propose_texture(
    image: Image, _foreground: Mask, materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return a foreign texture under a Perlin mask: the paper's first kind."""
    shape = image.shape[0], image.shape[1]
    alpha = perlin_mask(shape, rng).astype(np.float32)
    return Proposal(materials.textures.sample(shape, rng), alpha)


def propose_structural(
    image: Image, _foreground: Mask, materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return the image itself, turned and shuffled, under a Perlin mask: the paper's second kind."""
    alpha = perlin_mask((image.shape[0], image.shape[1]), rng).astype(np.float32)
    return Proposal(structural_source(image, materials.grid, rng), alpha)


def propose_shading(
    image: Image, foreground: Mask, _materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return another brightness and contrast in large, soft regions: stains, uneven grinding or light.

    Regions are the hills of a smooth random field; contrast .3 to 2 about the regions' mean, shift of 30 to
    80 gray levels, a quarter of them blotched.
    """
    shape = image.shape[0], image.shape[1]
    hills = _smooth_field(shape, _cells(rng, 2, 4), rng)
    level = np.quantile(hills[foreground], rng.uniform(0.4, 0.9))
    softness = rng.uniform(0.05, 0.8)
    alpha = np.clip((hills - level) / softness, 0, 1).astype(np.float32)
    if rng.random() < _BLOTCHED_RATIO:
        blotches = _smooth_field(shape, _cells(rng, 5, 25), rng)
        alpha *= np.clip(0.7 + 0.3 * blotches, 0.2, 1).astype(np.float32)
    contrast = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 2)
    shift = rng.choice((-1, 1)) * rng.uniform(30, 80)
    return Proposal(_toned(image, _mean_under(image, alpha), contrast, shift), alpha)


def propose_scratch(
    image: Image, foreground: Mask, _materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return one to three thin, curved strokes, darker or brighter: cracks, scratches, hairs."""
    alpha = np.zeros(image.shape[:2], np.float32)
    for _ in range(_few(rng, 3)):
        draw_stroke(alpha, _place(foreground, rng), rng)
    return Proposal(_marked(image, alpha, rng), alpha)


def propose_spot(
    image: Image, foreground: Mask, _materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return one to six small blobs, darker or brighter: blowholes, pores, dust, drops."""
    alpha = np.zeros(image.shape[:2], np.float32)
    side = min(image.shape[:2])
    for _ in range(_few(rng, 6)):
        radius = max(0.5, side * float(np.exp(rng.uniform(np.log(0.008), np.log(0.07)))))
        blob = Blob(
            center=_place(foreground, rng),
            radii=(radius * rng.uniform(0.4, 1), radius),
            angle=_angle(rng),
            exponent=rng.uniform(1.7, 3),
            wobble=rng.uniform(0, 0.25),
            softness=rng.uniform(0.1, 0.6),
        )
        draw_blob(alpha, blob, rng)
    return Proposal(_marked(image, alpha, rng), alpha)


def propose_cut_paste(
    image: Image, foreground: Mask, materials: Materials, rng: np.random.Generator
) -> Proposal:
    """Return a turned patch of another normal image, or of another place of this one.

    Notes
    -----
    Source: CutPaste (Li et al., CVPR 2021), patches of 2 to 15 % of the picture, sides 1:1 to 1:3.3.
    Differs from it: any angle, outlines from box to ellipse, partners may be other images.
    """
    shape = image.shape[0], image.shape[1]
    donor = image if materials.partners is None else materials.partners.sample(shape, rng)
    side = np.sqrt(rng.uniform(0.02, 0.15) * shape[0] * shape[1])
    stretch = np.sqrt(3.3 ** rng.uniform(-1, 1))
    center = _place(foreground, rng)
    alpha = np.zeros(shape, np.float32)
    blob = Blob(
        center,
        (side * stretch / 2, side / stretch / 2),
        _angle(rng),
        rng.choice((2.0, 12.0)),
        0,
        0.05,
    )
    draw_blob(alpha, blob, rng)
    # another place of the donor comes under the patch
    moved = np.roll(disturbed(donor, shape, rng), rng.integers(shape), axis=(0, 1))
    return Proposal(moved, alpha)


KINDS: dict[str, Propose] = {
    "texture": propose_texture,
    "structural": propose_structural,
    "shading": propose_shading,
    "scratch": propose_scratch,
    "spot": propose_spot,
    "cut-paste": propose_cut_paste,
}


def _marked(image: Image, alpha: Field, rng: np.random.Generator) -> Image:
    """Return the image darker or brighter by 25 to 140 levels, with little of its texture left."""
    shift = rng.choice((-1, -1, 1)) * rng.uniform(25, 140)
    return _toned(image, _mean_under(image, alpha), rng.uniform(0.1, 0.9), shift)


def _toned(image: Image, mean: NDArray[np.float64], gain: float, shift: float) -> Image:
    """Return (value - mean) * gain + mean + shift of every pixel, by one table a channel."""
    values = np.arange(256)[:, None]
    table = np.rint(np.clip((values - mean) * gain + mean + shift, 0, 255)).astype(np.uint8)
    toned = np.empty_like(image)
    for channel in range(3):
        toned[:, :, channel] = table[:, channel][image[:, :, channel]]
    return toned


def _mean_under(image: Image, alpha: Field) -> NDArray[np.float64]:
    """Return the (3,) mean color where the weight is positive, of the picture where it is nowhere."""
    under = (alpha > 0).ravel()
    if not under.any():
        under[:] = True
    # channel by channel: a mean along an axis of three is many times slower
    means = [np.mean(channel, where=under) for channel in image.reshape(-1, 3).T]
    return np.asarray(means, np.float64)


def _place(foreground: Mask, rng: np.random.Generator) -> tuple[float, float]:
    """Return (y, x) of a foreground pixel, each as likely."""
    inside = np.flatnonzero(foreground)
    y, x = divmod(int(inside[rng.integers(len(inside))]), foreground.shape[1])
    return float(y), float(x)


def _cells(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    """Return (rows, columns) of nodes, low to high each."""
    rows, columns = rng.integers(low, high + 1, size=2)
    return int(rows), int(columns)


def _smooth_field(
    shape: tuple[int, int], nodes: tuple[int, int], rng: np.random.Generator
) -> Field:
    """Return (h, w) float32 normal noise on a few nodes, smoothly interpolated.

    Unlike Perlin noise, which is zero at its nodes, its hills may lie anywhere and reach over the border.
    """
    values = rng.normal(size=nodes).astype(np.float32)
    size = (shape[1], shape[0])
    return np.asarray(Pillow.fromarray(values).resize(size, Pillow.Resampling.BICUBIC))


def _angle(rng: np.random.Generator) -> float:
    return float(rng.uniform(0, np.pi))


def _few(rng: np.random.Generator, n_most: int) -> int:
    """Return 1 to n_most, few far more likely than many."""
    return min(int(rng.geometric(0.5)), n_most)
