"""Anomaly maps as pictures with alpha, which the page stretches over an image."""

import hashlib
import io
from collections.abc import Hashable
from dataclasses import dataclass

import PIL.Image

from defectory.review.byte_cache import MemoryCache
from defectory.workflows.heat_scale import HeatScale
from defectory.workflows.overlays import draw_map
from defectory.workflows.reviewing.project import ReviewProject

_SIDE_PX = 512
_MOST_BYTES = 64 * 2**20
_NONE = b"none"


@dataclass(frozen=True)
class Heatmap:
    """A PNG, and the tag that names its content."""

    content: bytes
    etag: str


class Heatmaps:
    """Heatmaps of a project, the latest kept in memory.

    Parameters
    ----------
    project : whose current bundle gives the maps
    """

    def __init__(self, project: ReviewProject) -> None:
        self._project = project
        self._kept: MemoryCache[Hashable] = MemoryCache(_MOST_BYTES)

    def get(self, image_id: int) -> Heatmap | None:
        """Return the heatmap of an image; None where its detector gives no map."""
        scale = self._project.heat_scale()
        key = self._project.version(), scale, image_id
        content = self._kept.get(key)
        if content is None:
            content = _NONE if scale is None else self._draw(image_id, scale)
            self._kept.put(key, content)
        if content == _NONE:
            return None
        return Heatmap(content, hashlib.sha256(content).hexdigest()[:32])

    def _draw(self, image_id: int, scale: HeatScale) -> bytes:
        heat = self._project.anomaly_map(image_id)
        if heat is None:
            return _NONE
        return encode_png(PIL.Image.fromarray(draw_map(heat, scale, _SIDE_PX)))


def encode_png(picture: PIL.Image.Image) -> bytes:
    """Return a PNG, written fast rather than small: it goes no farther than this machine."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
