"""An image as a whole: its score from the cells of a map, its look from a stage of features."""

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features


def top_mean(cells: NDArray[np.float32], ratio: float) -> float:
    """Return the mean of the highest `ratio` of the values, at least one of them."""
    flat = cells.ravel()
    n = max(1, round(ratio * flat.size))
    return float(np.partition(flat, flat.size - n)[flat.size - n :].mean(dtype=np.float64))


def mean_and_spread(batch: list[Features], stage: str) -> NDArray[np.float32]:
    """Return (n, 2c): mean and standard deviation of a stage over each of n images."""
    flat = [features[stage].reshape(-1, features[stage].shape[-1]) for features in batch]
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in flat])
