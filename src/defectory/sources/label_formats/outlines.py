"""Masks -> polygons along the edges of their pixels: read again they mark exactly the same pixels."""

import cc3d
import numpy as np
from numpy.typing import NDArray

from defectory.domain import MaskError
from defectory.domain.images import Mask

_MAX_CORNERS = 5_000_000

_Corners = NDArray[np.int64]


def trace_outlines(mask: Mask) -> list[_Corners]:
    """Return a polygon for each region of a mask, in the order of their first rows.

    Returns
    -------
    list of (n, 2) int64, x and y of corners. A region with holes, or that touches itself at a corner, is one
    polygon as well: seams lead from its outline to the others and back, which have no area.

    Raises
    ------
    MaskError : the mask is too ragged.

    Notes
    -----
    A corner of the outline is where one or three of four pixels are marked, or two that lie across; there two
    corners meet. In each row and each column corners pair up into edges.
    """
    corners = _find_corners(mask)
    if len(corners) > _MAX_CORNERS:
        raise MaskError(f"its outlines have more than {_MAX_CORNERS:,} corners")
    if not len(corners):
        return []
    # not as bool: see metrics.tallies
    regions = cc3d.connected_components(mask.astype(np.uint8), connectivity=8)
    loops_of: dict[int, list[_Corners]] = {}
    for loop in _loops(corners):
        x, y = loop[0]
        row = y if y < mask.shape[0] and x < mask.shape[1] and mask[y, x] else y - 1
        loops_of.setdefault(int(regions[row, x]), []).append(loop)
    return [_joined(loops) for loops in loops_of.values()]


def _find_corners(mask: Mask) -> _Corners:
    """Return (n, 2) x, y in the order of rows; where two corners meet, twice."""
    padded = np.pad(mask, 1).view(np.uint8)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    n = a + b + c + d
    n_corners = (n % 2) + 2 * ((n == 2) & (a == d))
    y, x = np.nonzero(n_corners)
    return np.repeat(np.stack([x, y], axis=1), n_corners[y, x], axis=0)


def _loops(corners: _Corners) -> list[_Corners]:
    """Return closed outlines, each from its first corner, the leftmost of its top row."""
    n = len(corners)
    by_column = np.lexsort((np.arange(n), corners[:, 1], corners[:, 0]))
    beside = np.arange(n) ^ 1  # corners are in the order of rows
    below = np.empty(n, np.int64)
    below[by_column] = by_column[np.arange(n) ^ 1]
    across, along = beside.tolist(), below.tolist()
    is_left = [True] * n
    loops = []
    for start in range(n):
        if not is_left[start]:
            continue
        loop, at = [], start
        while is_left[at]:
            other = across[at]
            loop += [at, other]
            is_left[at] = is_left[other] = False
            at = along[other]
        loops.append(corners[loop])
    return loops


def _joined(loops: list[_Corners]) -> _Corners:
    """Return one polygon: the first outline, a seam from each to the next, and all seams back."""
    if len(loops) == 1:
        return loops[0]
    closed = [np.concatenate([loop, loop[:1]]) for loop in loops]
    back = [loop[:1] for loop in reversed(loops[1:-1])]
    return np.concatenate([*closed, *back])
