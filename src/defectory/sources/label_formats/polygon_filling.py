"""Polygons -> the pixels whose centers lie inside, row by row."""

import numpy as np
from numpy.typing import NDArray

from defectory.domain import MaskError
from defectory.domain.images import Mask

_MAX_CROSSINGS = 10_000_000

Points = NDArray[np.float64]
"""(n, 2) float64: x and y of corners, in pixels."""


def fill_polygon(points: Points, mask: Mask) -> None:
    """Mark the pixels whose centers a polygon surrounds an odd number of times.

    Raises
    ------
    MaskError : its outline is longer than what is read.
    """
    h, w = mask.shape
    rows, at = _crossings(points, h)
    if not len(rows):
        return
    # right of each crossing all pixels turn; two at one place undo each other
    columns = np.clip(np.ceil(at - 0.5), 0, w).astype(np.int64)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max()) + 1
    places, n_times = np.unique((rows - top) * (right - left) + columns - left, return_counts=True)
    turns = np.zeros((bottom - top, right - left), np.uint8)
    turns.ravel()[places[n_times % 2 == 1]] = 1
    np.bitwise_xor.accumulate(turns, axis=1, out=turns)
    right = min(right, w)
    mask[top:bottom, left:right] |= turns[:, : right - left].view(np.bool_)


def _crossings(points: Points, h: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the row and x of each place where an edge crosses the middle of a row of pixels."""
    ends = np.roll(points, -1, axis=0)
    # the same both ways, so that an edge there and back marks nothing
    flips = (points[:, 1] > ends[:, 1]) | (
        (points[:, 1] == ends[:, 1]) & (points[:, 0] > ends[:, 0])
    )
    upper = np.where(flips[:, None], ends, points)
    lower = np.where(flips[:, None], points, ends)
    first, last = (
        np.clip(np.ceil(edge[:, 1] - 0.5), 0, h).astype(np.int64) for edge in (upper, lower)
    )
    n = last - first
    total = int(n.sum())
    if total > _MAX_CROSSINGS:
        raise MaskError(f"a polygon of {len(points):,} corners has too long an outline to be read")
    edge = np.repeat(np.arange(len(points)), n)
    rows = np.arange(total) - np.repeat(np.cumsum(n) - n, n) + first[edge]
    height = lower[edge, 1] - upper[edge, 1]
    slope = (lower[edge, 0] - upper[edge, 0]) / height
    return rows, upper[edge, 0] + (rows + 0.5 - upper[edge, 1]) * slope
