"""Boxes around defect regions, drawn into a picture."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw

from defectory.domain import Region
from defectory.domain.images import Image

_LINE, _EDGE = (255, 255, 255), (0, 0, 0)  # white within black is seen on any part
_LINES_A_SIDE = 300


def draw_boxes(picture: Image, regions: Sequence[Region], size_px: tuple[int, int]) -> Image:
    """Return the picture with a box around each region.

    Parameters
    ----------
    picture : (h, w, 3) uint8, of the image at any size
    regions : in pixels of the image
    size_px : (height, width) of the image
    """
    if not regions:
        return picture
    height, width = picture.shape[:2]
    down, across = height / size_px[0], width / size_px[1]
    line = max(1, round(max(height, width) / _LINES_A_SIDE))
    drawn = PIL.Image.fromarray(picture)
    pen = PIL.ImageDraw.Draw(drawn)
    for region in regions:
        left, top = round(region.x_px * across), round(region.y_px * down)
        right = round((region.x_px + region.width_px) * across) - 1
        bottom = round((region.y_px + region.height_px) * down) - 1
        right, bottom = max(left, right), max(top, bottom)
        # white on the region's own edge, so that it is seen at the image's, too
        pen.rectangle((left, top, right, bottom), outline=_LINE, width=line)
        around = (left - line, top - line, right + line, bottom + line)
        pen.rectangle(around, outline=_EDGE, width=line)
    return np.asarray(drawn)
