"""From raw scores to accept, review or reject, with defect regions in pixels of the original image."""

from dataclasses import replace

import cc3d
import numpy as np
from numpy.typing import NDArray

from defectory.domain import Decision, Region
from defectory.domain.scores import AnomalyMap

MAX_REGIONS = 50


def decide(
    score: float,
    heat: AnomalyMap | None,
    size_px: tuple[int, int],
    threshold: float,
    pixel_threshold: float,
    accept_threshold: float | None = None,
) -> Decision:
    """Return the decision on one image; regions only where it is not accepted.

    Parameters
    ----------
    score, heat : raw image score and anomaly map (or None)
    size_px : (height, width) of the original image
    threshold : a score above it is rejected
    pixel_threshold : cells of the map above it belong to a defect
    accept_threshold : a score below it is accepted, unless it is rejected; None where all such are
    """
    plain = Decision(
        float(score), threshold, bool(score > threshold), accept_threshold=accept_threshold
    )
    if heat is None or plain.outcome == "accepted":
        return plain
    return replace(plain, regions=find_regions(heat, size_px, pixel_threshold))


def find_regions(
    heat: AnomalyMap, size_px: tuple[int, int], pixel_threshold: float
) -> tuple[Region, ...]:
    """Return the connected regions above the threshold, highest peak first, at most 50.

    Where the image is odd as a whole and no cell stands out, the neighborhood of the map's peak is given
    (cells within half of the peak's height over the median), so that a person knows where to look.
    """
    above = heat > pixel_threshold
    if not above.any():
        above = heat >= (float(heat.max()) + float(np.median(heat))) / 2
    # uint8: connected_components labels odd-sized bool images wrongly
    labels = cc3d.connected_components(above.astype(np.uint8), connectivity=8)
    boxes = cc3d.statistics(labels)["bounding_boxes"]
    regions = [
        _region(heat, labels, label, box, size_px)
        for label, box in enumerate(boxes)
        if label and box is not None
    ]
    regions.sort(key=lambda region: -region.peak_score)
    return tuple(regions[:MAX_REGIONS])


def _region(
    heat: AnomalyMap,
    labels: NDArray[np.integer],
    label: int,
    box: tuple[slice, ...],
    size_px: tuple[int, int],
) -> Region:
    inside = labels[box] == label
    values = np.where(inside, heat[box], -np.inf)
    peak_y, peak_x = np.unravel_index(int(values.argmax()), values.shape)
    (height, width), (map_height, map_width) = size_px, heat.shape
    # in whole numbers, outwards: the box covers its cells, holds its peak and stays in the image
    top, bottom = box[0].start * height // map_height, -(-box[0].stop * height // map_height)
    left, right = box[1].start * width // map_width, -(-box[1].stop * width // map_width)
    cell_px = height * width / (map_height * map_width)
    return Region(
        x_px=left,
        y_px=top,
        width_px=right - left,
        height_px=bottom - top,
        area_px=max(1, round(int(inside.sum()) * cell_px)),
        peak_x_px=(2 * (box[1].start + int(peak_x)) + 1) * width // (2 * map_width),
        peak_y_px=(2 * (box[0].start + int(peak_y)) + 1) * height // (2 * map_height),
        peak_score=float(values.max()),
    )
