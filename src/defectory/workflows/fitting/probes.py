"""Which images of a fit its bundle keeps as probes, and defects that are drawn into some of them."""

import io
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.artifacts.probes import MAX_PROBES, MAX_PROBES_BYTES, MAX_SIDE_PX, Origin, Probe
from defectory.domain import HeldOutScores, ImageSource
from defectory.domain.images import Image
from defectory.simulation import AnomalySimulator

_N_NEAREST, _N_HIGHEST, _N_RANDOM, _N_SIMULATED = 6, 4, 6, 6
# Sides differ, so that some probes are enlarged for the network and others are shrunk.
_SIDES_PX = (MAX_SIDE_PX, 224, 160)
# Kinds that need no foreign textures.
_DEFECTS = {"scratch": 1.0, "spot": 1.0, "shading": 1.0}
_STREAM = 11

Chosen = list[tuple[int, Origin]]


def probes_of_fit(
    images: ImageSource,
    contents: Sequence[str],
    held_out: HeldOutScores,
    threshold: float,
    *,
    seed: int,
) -> tuple[Probe, ...]:
    """Return small copies of good images of a fit, and of simulated defects, for the bundle to keep.

    Parameters
    ----------
    images : n of a fit
    contents : of each, the first hex digits of the hash of its content
    held_out : scores of some of them, known by content
    threshold : of image scores
    seed : of what is drawn at random

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    known = {content: row for row, content in enumerate(held_out.contents)}
    rows: dict[int, int] = {}  # row of the scores -> image
    for i, content in enumerate(contents):
        row = known.get(content)
        if row is not None:
            rows.setdefault(row, i)
    if not rows:
        return ()
    scores = held_out.scores[list(rows)].astype(np.float64)
    return draw_probes(images, list(rows.values()), scores, threshold, seed=seed)


def draw_probes(
    images: ImageSource,
    indices: Sequence[int],
    scores: NDArray[np.float64],
    threshold: float,
    *,
    seed: int,
) -> tuple[Probe, ...]:
    """Return probes of good images: the nearest to the threshold, the highest, some others, drawn defects.

    Parameters
    ----------
    images : where they are
    indices : of good images
    scores : (n,) of these
    threshold : of image scores
    seed : of what is drawn at random
    """
    rng = np.random.default_rng([seed, _STREAM])
    chosen = [(indices[row], origin) for row, origin in _choose(scores, threshold, rng)]
    good = [
        (_shrunk(images.read([i])[0], _SIDES_PX[n % len(_SIDES_PX)]), origin)
        for n, (i, origin) in enumerate(chosen)
    ]
    simulator = AnomalySimulator(mix=_DEFECTS)
    drawn: list[tuple[Image, Origin]] = [
        (simulator.simulate(good[i % len(good)][0], rng).image, "simulated defect")
        for i in range(_N_SIMULATED)
    ]
    return tuple(_within_bounds(good, drawn))


def _choose(scores: NDArray[np.float64], threshold: float, rng: np.random.Generator) -> Chosen:
    """Return rows of the scores, each once, with why they were chosen."""
    falling = np.argsort(-scores, kind="stable").tolist()
    is_finite = bool(np.isfinite(threshold))
    nearest = np.argsort(np.abs(scores - threshold), kind="stable").tolist() if is_finite else []
    found: dict[int, Origin] = dict.fromkeys(nearest[:_N_NEAREST], "near the threshold")
    orders: list[tuple[int, list[int], Origin]] = [
        (_N_HIGHEST, falling, "highest"),
        (_N_RANDOM, rng.permutation(len(scores)).tolist(), "random"),
    ]
    for n, order, origin in orders:
        others = [row for row in order if row not in found]
        found.update(dict.fromkeys(others[:n], origin))
    return list(found.items())


def _within_bounds(
    good: Sequence[tuple[Image, Origin]], drawn: Sequence[tuple[Image, Origin]]
) -> Iterator[Probe]:
    """Yield as many as a bundle may hold, good images and defects in turn."""
    n_bytes = n_probes = 0
    for image, origin in filter(None, chain.from_iterable(zip_longest(good, drawn))):
        png = _as_png(image)
        n_bytes, n_probes = n_bytes + len(png), n_probes + 1
        if n_bytes > MAX_PROBES_BYTES or n_probes > MAX_PROBES:
            return
        yield Probe(png, origin)


def _shrunk(image: Image, side_px: int) -> Image:
    height, width = image.shape[:2]
    ratio = min(1.0, side_px / max(height, width))
    if ratio == 1:
        return image
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX))


def _as_png(image: Image) -> bytes:
    is_gray = all(bool((image[:, :, 0] == image[:, :, i]).all()) for i in (1, 2))
    file = io.BytesIO()
    Pillow.fromarray(image[:, :, 0] if is_gray else image).save(file, "PNG")
    return file.getvalue()
