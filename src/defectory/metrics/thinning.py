"""Fewer points on a curve whose coordinates only grow."""

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(way: NDArray[np.float64], max_points: int) -> NDArray[np.int64]:
    """Return at most `max_points` (>= 2) indices, evenly spaced along the way, both ends included.

    Parameters
    ----------
    way : (p,) float64, rising, p >= 1
        How far along the curve each point lies; the sum of coordinates that only grow will do.
    """
    picks = np.searchsorted(way, np.linspace(way[0], way[-1], max_points))
    return np.unique(np.append(picks[:-1], way.size - 1))
