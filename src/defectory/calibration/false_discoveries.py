"""Which images of a batch stand out, with few false ones among them.

Benjamini and Hochberg (1995): of n p-values, the k lowest are discoveries for the largest k whose k-th
lowest is at most rate k / n. Conformal p-values of one calibration set depend on each other, but positively
(PRDS), so that on average at most the rate, times the share of good images in the batch, of the discoveries
are good (Bates, Candès, Lei, Romano and Sesia 2023, Theorem 2; Benjamini and Yekutieli 2001). It holds on
average over draws of calibration set and batch, not for each.

Where calibration images come in groups, each group counts once, by its highest score: the score of a good
image is at most the highest of its own part, which is exchangeable with these. With that, the proof by
leaving one out (Mary and Roquain 2022, "Semi-supervised multiple testing") goes through. For
p-values by shares of groups (see `p_values`) we know of none.

In both cases images of a batch must be independent of each other: one image a part.
"""

from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.calibration.thresholds import ROUNDING, check_share


def benjamini_hochberg(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Return which p-values are discoveries.

    Parameters
    ----------
    p_values : (n,) float in (0, 1]
    rate : (0, 1), share of the discoveries that may be false, on average

    Raises
    ------
    ParameterError : the rate is outside (0, 1).

    Notes
    -----
    As `scipy.stats.false_discovery_control`, which scoring does without; a p-value that equals its limit but
    for rounding is a discovery.
    """
    check_share("false discovery rate", rate)
    values = np.asarray(p_values, np.float64)
    n = len(values)
    ordered = np.sort(values)
    is_low = ordered <= rate * np.arange(1, n + 1) / n * (1 + ROUNDING) if n else ordered > 0
    if not is_low.any():
        return np.zeros(n, bool)
    found: NDArray[np.bool_] = values <= ordered[np.flatnonzero(is_low)[-1]]
    return found


def fewest_discoveries(n_images: int, n_normals: int, rate: float) -> int:
    """Return how many images must stand out at once for any to be a discovery.

    No p-value is below 1 / (n_normals + 1), and k discoveries need one of at most rate k / n_images. Above
    `n_images` none is possible.

    Parameters
    ----------
    n_images : >= 0, in the batch
    n_normals : >= 0, held-out good images, or groups of them
    rate : (0, 1)
    """
    return max(1, ceil(n_images / (rate * (n_normals + 1)) - ROUNDING))


def n_normals_for_one(n_images: int, rate: float) -> int:
    """Return how many held-out good images, or groups of them, let one image alone be a discovery."""
    return max(0, ceil(n_images / rate - ROUNDING) - 1)
