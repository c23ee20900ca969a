"""Pictures of decisions: an image with its heatmap and the boxes of its regions over it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import Decision, ImageSource, Region
from defectory.domain.images import ChosenImages, Image, Mask
from defectory.domain.scores import AnomalyMap
from defectory.reports.boxes import draw_boxes
from defectory.reports.content import HeatScale
from defectory.reports.pictures import draw_heat, overlay_heat
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.heat_scale import heat_scale_of


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
    return draw_boxes(shown, regions, image.shape[:2])


def draw_map(heat: AnomalyMap, scale: HeatScale, side_px: int) -> Image:
    """Return (h, w, 4) uint8, RGBA: the map alone in its colors, to be stretched over its image.

    Parameters
    ----------
    heat, scale : map and its colors
    side_px : > 0, the longer side of what comes back
    """
    longest = max(heat.shape)
    height, width = (max(1, round(side * side_px / longest)) for side in heat.shape)
    return draw_heat(heat, scale, (height, width))


def outline(heat: AnomalyMap, pixel_threshold: float, size_px: tuple[int, int]) -> Mask:
    """Return (h, w) bool of that size: what a map takes for defective.

    As in `find_regions`: where no cell stands out, the neighborhood of the map's peak. The map is enlarged
    linearly, so that the outline is no staircase.

    Parameters
    ----------
    heat : anomaly map
    pixel_threshold : cells above it belong to a defect
    size_px : (height, width) of what comes back
    """
    limit = pixel_threshold
    if not (heat > limit).any():
        limit = (float(heat.max()) + float(np.median(heat))) / 2
    height, width = size_px
    enlarged: NDArray[np.float32] = np.asarray(
        Pillow.fromarray(heat).resize((width, height), Pillow.Resampling.BILINEAR)
    )
    return enlarged > limit


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
