"""Heatmaps: each image with its anomaly map and the boxes of its regions over it, as PNG."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage

from defectory.domain import Region
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.reports.boxes import draw_boxes
from defectory.reports.content import HeatScale
from defectory.reports.pictures import overlay_heat

_SIDE_PX = 1024


def draw_heatmap(
    image: Image, heat: AnomalyMap, scale: HeatScale, regions: Sequence[Region] = ()
) -> bytes:
    """Return the picture as PNG, its longest side at most 1,024 px; regions are in pixels of the image."""
    picture = overlay_heat(_at_most(image, _SIDE_PX), heat, scale)
    picture = draw_boxes(picture, regions, image.shape[:2])
    buffer = io.BytesIO()
    PillowImage.fromarray(picture).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _at_most(image: Image, side_px: int) -> Image:
    picture = PillowImage.fromarray(image)
    picture.thumbnail((side_px, side_px))
    return np.asarray(picture)
