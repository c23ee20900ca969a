"""From what a bootstrap has found to an interval: Wilson's, of as many images as the spread is worth."""

from dataclasses import dataclass
from math import inf, nan, pi, sqrt, tan

import numpy as np
from numpy.typing import NDArray

from defectory.metrics.resampling import Resamples

# The t distribution is all but normal by then, and its quantile less exact beyond.
_MOST_FREEDOM = 5000.0
# Of metrics: areas are sums of thousands of terms.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval; all nan where it is undefined.

    Attributes
    ----------
    estimate : the metric of the images themselves
    low, high : ends of the interval
    confidence : (0, 1), how surely the metric of all such images lies between low and high
    """

    estimate: float
    low: float
    high: float
    confidence: float


def wilson_interval(
    estimate: float, resamples: Resamples, n_rarer: int, confidence: float
) -> Interval:
    """Return the interval of a metric in [0, 1] that was resampled.

    Parameters
    ----------
    estimate : [0, 1]
    resamples : of whole groups
    n_rarer : >= 1, groups that hold images of the class that the fewer groups hold
    confidence : (0, 1)

    Notes
    -----
    Source: Wilson, "Probable inference", JASA 1927, with the effective sample size of Korn and Graubard,
    "Confidence intervals for proportions with small expected number of positive counts", Survey
    Methodology 1998: the images that, drawn one by one, would give a share the variance that the
    resamples have. Differs from them: the variance is the bootstrap's; degrees of freedom are those of
    Satterthwaite, judged by how unequally groups move the metric, and at most `n_rarer` - 1.
    Where resamples do not vary, `n_rarer` is the sample size; a class of one group says nothing: [0, 1].
    """
    values = resamples.values
    mean, variance = float(values.mean()), float(values.var())
    if np.isnan(variance):
        return Interval(estimate, nan, nan, confidence)
    if n_rarer < 2:
        return Interval(estimate, 0.0, 1.0, confidence)
    size, freedom = float(n_rarer), inf
    if variance > _ROUNDING**2:  # it is at most mean (1 - mean): no size is below 1
        size = mean * (1 - mean) / variance
        freedom = _degrees_of_freedom(resamples.influences)
    size *= 1 - 1 / n_rarer  # resamples vary less than samples, as n - 1 to n
    freedom = min(freedom, n_rarer - 1, _MOST_FREEDOM)
    return Interval(estimate, *_wilson(estimate, size, t_quantile(confidence, freedom)), confidence)


def t_quantile(confidence: float, freedom: float) -> float:
    """Return t with P(|T| <= t) = confidence, for a T of Student's distribution; to 1e-4 of t.

    Parameters
    ----------
    confidence : (0, 1)
    freedom : [1, 5000], degrees of freedom

    Notes
    -----
    T is tan(A) sqrt(freedom), where the angle A has a density as cos(A) ^ (freedom - 1).
    """
    angles = np.linspace(0.0, pi / 2, 1 << 13)
    density = np.cos(angles) ** (freedom - 1)
    mass = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return sqrt(freedom) * tan(float(np.interp(confidence * mass[-1], mass, angles)))


def _degrees_of_freedom(influences: NDArray[np.float64]) -> float:
    """Return 2 E(V)^2 / Var(V) of the variance V that the sum of squared influences estimates."""
    squares = np.square(influences)
    spread = float(np.square(squares - squares.mean()).sum())
    return 2 * float(squares.sum()) ** 2 / spread if spread > 0 else inf


def _wilson(share: float, size: float, quantile: float) -> tuple[float, float]:
    """Return the shares whose distance from this one is `quantile` standard errors of their own."""
    z = quantile**2 / size
    half = quantile * sqrt(max(0.0, share * (1 - share)) / size + z / (4 * size))
    middle = share + z / 2
    return max(0.0, (middle - half) / (1 + z)), min(1.0, (middle + half) / (1 + z))
