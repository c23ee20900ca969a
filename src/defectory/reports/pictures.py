"""Gallery pictures: small JPEG data URIs, and the outlines that lie over them as vectors."""

import base64
import io

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from defectory.domain import Region
from defectory.domain.images import Image, Mask
from defectory.domain.scores import AnomalyMap
from defectory.reports.colors import heat_ramp
from defectory.reports.content import HeatScale

LONGEST_SIDE_PX = 320
_JPEG_QUALITY = 80
_RAMP = heat_ramp()
_STRONGEST_ALPHA = 0.72
_FULL_ALPHA_AT = 0.65  # position on the scale from which the color is no longer more opaque


def picture_size(height: int, width: int) -> tuple[int, int]:
    """Return (height, width) in px as shown: no side above LONGEST_SIDE_PX, never enlarged."""
    shrink = min(1.0, LONGEST_SIDE_PX / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def shrink_image(image: Image) -> Image:
    """Return the image at the size it is shown in.

    Parameters
    ----------
    image : (h, w, 3) uint8

    Returns
    -------
    (picture h, picture w, 3) uint8
    """
    height, width = picture_size(*image.shape[:2])
    if (height, width) == image.shape[:2]:
        return image
    small = PIL.Image.fromarray(image).resize((width, height), PIL.Image.Resampling.LANCZOS)
    return np.asarray(small)


def overlay_heat(picture: Image, anomaly_map: AnomalyMap, scale: HeatScale) -> Image:
    """Return the picture with the map over it, in the colors of the scale.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    anomaly_map : (any h, any w) float over the whole picture
    scale : shared by all pictures, so that a color means the same in each

    Returns
    -------
    (h, w, 3) uint8
    """
    color, alpha = _colors(anomaly_map, scale, picture.shape[:2])
    blend = (1 - alpha) * picture + alpha * color
    overlay: Image = np.rint(blend).astype(np.uint8)
    return overlay


def draw_heat(anomaly_map: AnomalyMap, scale: HeatScale, shape: tuple[int, int]) -> Image:
    """Return the map alone in the colors of the scale, (h, w, 4) uint8, RGBA; to be laid over a picture.

    Parameters
    ----------
    anomaly_map : (any h, any w) float over the whole picture
    scale : shared by all pictures
    shape : (h, w) of what comes back
    """
    color, alpha = _colors(anomaly_map, scale, shape)
    heat: Image = np.rint(np.concatenate([color, 255 * alpha], axis=2)).astype(np.uint8)
    return heat


def scale_strip() -> Image:
    """Return the color scale over mid gray, (1, 256, 3) uint8; the threshold is in the middle."""
    gray = np.full((1, 256, 3), 128, dtype=np.uint8)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None, :]
    return overlay_heat(gray, ramp, HeatScale(low=0.0, threshold=0.5, high=1.0))


def outline_path(mask: Mask) -> str:
    """Return the outline of a mask as SVG path data in picture pixels; "" for an empty mask.

    Parameters
    ----------
    mask : (h, w) bool, at the size of the image
        A picture pixel counts as defective if any image pixel under it is: small defects stay.
    """
    height, width = picture_size(*mask.shape)
    box = PIL.Image.Resampling.BOX
    covered = PIL.Image.fromarray(mask.astype(np.float32)).resize((width, height), box)
    inside = np.pad(np.asarray(covered) > 0, 1)
    rows = _runs(inside[1:, 1:-1] != inside[:-1, 1:-1])
    columns = _runs((inside[1:-1, 1:] != inside[1:-1, :-1]).T)
    horizontal = [f"M{start} {line}h{stop - start}" for line, start, stop in rows]
    vertical = [f"M{line} {start}v{stop - start}" for line, start, stop in columns]
    return "".join(horizontal + vertical)


def region_box(region: Region, image_shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Return x, y, width and height of a region in picture pixels.

    Parameters
    ----------
    region : in pixels of the original image
    image_shape : (h, w, ...) of that image
    """
    height, width = image_shape[:2]
    shown_height, shown_width = picture_size(height, width)
    across, down = shown_width / width, shown_height / height
    return (
        round(region.x_px * across, 1),
        round(region.y_px * down, 1),
        round(region.width_px * across, 1),
        round(region.height_px * down, 1),
    )


def jpeg_uri(picture: Image) -> str:
    """Return a photo as a JPEG data URI.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    """
    return _uri(picture, "jpeg", quality=_JPEG_QUALITY, optimize=True)


def png_uri(picture: Image) -> str:
    """Return a drawing as a lossless PNG data URI.

    Parameters
    ----------
    picture : (h, w, 3) uint8
    """
    return _uri(picture, "png", optimize=True)


def _colors(
    anomaly_map: AnomalyMap, scale: HeatScale, shape: tuple[int, int]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return colors (h, w, 3) in 0-255 and how opaque they are (h, w, 1) in 0-1."""
    height, width = shape
    heat = np.asarray(
        PIL.Image.fromarray(np.asarray(anomaly_map, dtype=np.float32)).resize(
            (width, height), PIL.Image.Resampling.BILINEAR
        )
    )
    anchors = [scale.low, scale.threshold, scale.high]
    position = np.interp(heat, anchors, [0.0, 0.5, 1.0])[:, :, None]
    color = _RAMP[np.rint(position[:, :, 0] * (len(_RAMP) - 1)).astype(np.intp)]
    alpha = _STRONGEST_ALPHA * np.clip(position / _FULL_ALPHA_AT, 0, 1) ** 1.5
    return color, alpha


def _uri(picture: Image, kind: str, **options: int) -> str:
    target = io.BytesIO()
    PIL.Image.fromarray(picture).save(target, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(target.getvalue()).decode('ascii')}"


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Return (line, start, stop) of every run of True along the rows of a 2-d array."""
    padded = np.pad(edges, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    lines, starts = np.nonzero(change == 1)
    _, stops = np.nonzero(change == -1)
    return [
        (int(line), int(start), int(stop))
        for line, start, stop in zip(lines, starts, stops, strict=True)
    ]
