"""Otsu's threshold, by which gray values and scores are split alike."""

import numpy as np
from numpy.typing import ArrayLike

from defectory.domain.errors import ParameterError


def otsu_threshold(values: ArrayLike) -> tuple[float, float]:
    """Return the exact threshold that splits values into two groups of least variance within.

    Parameters
    ----------
    values : any shape, finite, at least one

    Returns
    -------
    threshold : midway between two neighboring values; the value itself where all are equal
    separation : in [0, 1], the share of the variance that lies between the two groups; 0 where all are equal

    Raises
    ------
    ParameterError : there are no values, or one is nan or infinite.

    Notes
    -----
    Source: Otsu 1979. Differs from it: every split is tried rather than those of a histogram.
    """
    ranked = np.sort(np.asarray(values, np.float64).ravel())
    n = len(ranked)
    if n == 0 or not np.isfinite(ranked).all():
        raise ParameterError("a threshold needs at least one value, and finite ones")
    splits = np.flatnonzero(np.diff(ranked) > 0) + 1
    if len(splits) == 0:
        return float(ranked[0]), 0.0
    deviations = ranked - ranked.mean()
    between = np.cumsum(deviations)[splits - 1] ** 2 / (splits * (n - splits))
    best = int(between.argmax())
    split = int(splits[best])
    middle = ranked[split - 1] + (ranked[split] - ranked[split - 1]) / 2
    return float(middle), float(between[best] / np.mean(deviations**2))
