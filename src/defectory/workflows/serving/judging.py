"""One image as it was sent -> decision and pictures. Pure: threads may judge at once with one bundle."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from defectory.domain import ArrayImages, Decision
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.machine import at_most_cores, one_thread_a_product
from defectory.sources.decoding import MAX_PIXELS, open_image
from defectory.sources.images import to_rgb
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.heat_scale import heat_scale_of
from defectory.workflows.overlays import outline
from defectory.workflows.scoring.heatmaps import draw_heatmap

MAX_MASK_PX = 4096
"""Longer side of a mask; that of a larger image is smaller than it."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for beside the decision."""

    has_heatmap: bool = False
    has_mask: bool = False
    has_map: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """One image that was judged.

    Attributes
    ----------
    name : as whoever sent it calls it
    content : as it was sent
    sha256 : of the content, hex digits
    suffix : of a file of this format, with its dot
    decision : with regions in pixels of the image
    p_value : of the score among those of good images
    heat : anomaly map, where it was asked for and the detector has maps
    heatmap, mask : PNG, where asked for and the detector has maps
    """

    name: str
    content: bytes = field(repr=False)
    sha256: str
    suffix: str
    decision: Decision
    p_value: float
    heat: AnomalyMap | None = field(default=None, repr=False)
    heatmap: bytes | None = field(default=None, repr=False)
    mask: bytes | None = field(default=None, repr=False)


@contextmanager
def many_at_once() -> Iterator[None]:
    """Let threads judge images side by side: for as long as it lasts, each keeps to one core.

    Without it every image would look for the libraries whose threads it has to limit.
    """
    with one_thread_a_product:
        yield


def judge_content(
    model: CalibratedDetector,
    name: str,
    content: bytes,
    wanted: Wanted,
    max_pixels: int = MAX_PIXELS,
) -> Judged:
    """Return what a bundle says of an image, the same as of a file of this content; on one core.

    Parameters
    ----------
    name : of the image, for messages
    content : of an image file
    max_pixels : images of more are refused before they are decoded

    Raises
    ------
    ImageReadError : it is no image that is read, is damaged, or has too many pixels.
    """
    where = Path(name)
    opened = open_image(content, where, max_pixels=max_pixels)
    suffix = f".{(opened.format or 'image').lower()}"[:6]
    image = to_rgb(opened, where)
    with at_most_cores(1):
        scores, (decision,) = model.judge(ArrayImages([image]))
    heat = None if scores.anomaly_maps is None else scores.anomaly_maps[0]
    return Judged(
        name,
        content,
        hashlib.sha256(content).hexdigest(),
        suffix,
        decision,
        float(model.p_values.of(decision.score)),
        heat=heat if wanted.has_map else None,
        heatmap=_heatmap(model, image, heat, decision) if wanted.has_heatmap else None,
        mask=_mask(model, image, heat, decision) if wanted.has_mask else None,
    )


def _heatmap(
    model: CalibratedDetector, image: Image, heat: AnomalyMap | None, decision: Decision
) -> bytes | None:
    scale = heat_scale_of(model)
    if heat is None or scale is None:
        return None
    return draw_heatmap(image, heat, scale, decision.regions)


def _mask(
    model: CalibratedDetector, image: Image, heat: AnomalyMap | None, decision: Decision
) -> bytes | None:
    """Return PNG, 255 where the map is above the pixel threshold; nothing in an accepted image is."""
    if heat is None:
        return None
    height, width = image.shape[:2]
    shrink = min(1.0, MAX_MASK_PX / max(height, width))
    size = max(1, round(height * shrink)), max(1, round(width * shrink))
    is_defective = np.zeros(size, bool)
    if decision.outcome != "accepted":
        is_defective = outline(heat, model.pixel_threshold, size)
    buffer = io.BytesIO()
    Pillow.fromarray(is_defective).save(buffer, "PNG")
    return buffer.getvalue()
