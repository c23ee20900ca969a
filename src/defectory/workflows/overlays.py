"""Pictures of decisions: an image with its heatmap and the boxes of its regions over it."""

from collections.abc import Sequence

from defectory.domain import Decision, ImageSource, Region
from defectory.domain.images import ChosenImages, Image
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
