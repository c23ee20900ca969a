"""An image score drawn from the cells of a map."""

import numpy as np
from numpy.typing import NDArray


def top_mean(cells: NDArray[np.float32], ratio: float) -> float:
    """Return the mean of the highest `ratio` of the values, at least one of them."""
    flat = cells.ravel()
    n = max(1, round(ratio * flat.size))
    return float(np.partition(flat, flat.size - n)[flat.size - n :].mean(dtype=np.float64))
