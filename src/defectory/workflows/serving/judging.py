"""Images as they were sent -> decisions and pictures. Pure: threads may judge at once with one bundle."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from defectory.domain import ArrayImages, Decision, ImageReadError
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


_MOST_TOGETHER_BYTES = 64 * 2**20
"""Decoded images that go through a detector together; a larger one goes with those before it."""


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


@dataclass(frozen=True)
class Sent:
    """One image as it was sent.

    Attributes
    ----------
    name : as whoever sent it calls it, for messages
    content : of an image file
    wanted : beside the decision
    """

    name: str
    content: bytes = field(repr=False)
    wanted: Wanted = Wanted()


def judge_sent(
    model: CalibratedDetector, sent: Sequence[Sent], max_pixels: int = MAX_PIXELS
) -> list[Judged | Exception]:
    """Return what a bundle says of each image, the same as of a file of this content; on one core.

    Images go through the detector together, which some need to be fast, as far as their pixels are few;
    scores do not depend on companions.

    Parameters
    ----------
    max_pixels : images of more are refused before they are decoded

    Returns
    -------
    of each image, or why not: ImageReadError where it is no image that is read, is damaged, or has too many
    pixels
    """
    found: dict[int, Judged | Exception] = {}
    decoded: dict[int, _Decoded] = {}
    for i, each in enumerate(sent):
        try:
            decoded[i] = _decode(each, max_pixels)
        except (ImageReadError, MemoryError) as error:
            found[i] = error
        if sum(one.image.size for one in decoded.values()) > _MOST_TOGETHER_BYTES:
            found |= _judge(model, decoded)
            decoded = {}
    found |= _judge(model, decoded)
    return [found[i] for i in range(len(sent))]


@dataclass(frozen=True, eq=False)
class _Decoded:
    sent: Sent
    image: Image
    suffix: str


def _decode(sent: Sent, max_pixels: int) -> _Decoded:
    where = Path(sent.name)
    opened = open_image(sent.content, where, max_pixels=max_pixels)
    suffix = f".{(opened.format or 'image').lower()}"[:6]
    return _Decoded(sent, to_rgb(opened, where), suffix)


def _judge(
    model: CalibratedDetector, decoded: Mapping[int, _Decoded]
) -> dict[int, Judged | Exception]:
    """Return what is said of each; where all together fail, of each by itself."""
    if not decoded:
        return {}
    try:
        with at_most_cores(1):
            scores, decisions = model.judge(ArrayImages([one.image for one in decoded.values()]))
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(decisions)
        judged = map(partial(_told, model), decoded.values(), decisions, maps)
        return dict(zip(decoded, judged, strict=True))
    except Exception as error:
        if len(decoded) == 1:
            return dict.fromkeys(decoded, error)
    found: dict[int, Judged | Exception] = {}
    for i, one in decoded.items():
        found |= _judge(model, {i: one})
    return found


def _told(
    model: CalibratedDetector, decoded: _Decoded, decision: Decision, heat: AnomalyMap | None
) -> Judged:
    sent, image, wanted = decoded.sent, decoded.image, decoded.sent.wanted
    return Judged(
        sent.name,
        sent.content,
        hashlib.sha256(sent.content).hexdigest(),
        decoded.suffix,
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
