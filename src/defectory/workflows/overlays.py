"""Pictures of decisions: an image with its heatmap and the boxes of its regions over it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from defectory.domain import Decision, ImageSource, Region
from defectory.domain.images import ChosenImages, Image
from defectory.domain.scores import AnomalyMap
from defectory.reports import HeatScale, overlay_heat
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.heat_scale import heat_scale_of

_BOX_COLOR, _BOX_EDGE = (255, 255, 255), (0, 0, 0)


def draw_overlay(
    image: Image, heat: AnomalyMap | None, scale: HeatScale | None, regions: Sequence[Region]
) -> Image:
    """Return (h, w, 3) uint8: the image with its map, where there is one, and a box a region.

    Parameters
    ----------
    image : (h, w, 3) uint8, of the size that the regions are in
    heat, scale : map and its colors; None draws boxes only
    regions : in pixels of the image
    """
    shown = image if heat is None or scale is None else overlay_heat(image, heat, scale)
    picture = Pillow.fromarray(shown)
    draw = ImageDraw.Draw(picture)
    width = max(1, round(max(image.shape[:2]) / 300))
    for region in regions:
        right, bottom = region.x_px + region.width_px - 1, region.y_px + region.height_px - 1
        box = (region.x_px, region.y_px, right, bottom)
        # white on black is seen on any part
        draw.rectangle(box, outline=_BOX_EDGE, width=2 * width)
        draw.rectangle(box, outline=_BOX_COLOR, width=width)
    return np.asarray(picture)


def read_map(model: CalibratedDetector, images: ImageSource, index: int) -> AnomalyMap | None:
    """Return the map of one image, computed anew: scores do not depend on companions, so it is the same."""
    maps = model.bundle.detector.score(ChosenImages(images, [index])).anomaly_maps
    return None if maps is None else maps[0]


def draw_decision(
    model: CalibratedDetector, images: ImageSource, index: int, decision: Decision
) -> Image:
    """Return (h, w, 3) uint8: one image with its heatmap and the boxes of its regions."""
    heat = read_map(model, images, index)
    return draw_overlay(images.read([index])[0], heat, heat_scale_of(model), decision.regions)
