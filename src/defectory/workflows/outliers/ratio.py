"""How many of a ranked collection do not belong, from the scores alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_N_ROUNDS = 200
_MIN_IMAGES = 20
# Outliers above this share are no outliers: the method takes the majority for what belongs.
MAX_RATIO = 0.5


@dataclass(frozen=True)
class RatioEstimate:
    """An estimated share of outliers.

    Attributes
    ----------
    ratio : [0, .5]
    cut : score above which an image is listed; the ratio's share of the images lies above it; infinite
        where none does
    is_clear : whether two kinds of scores explain the collection better than one
    """

    ratio: float
    cut: float
    is_clear: bool

    def explain(self) -> str:
        """Return how it was found, in a sentence."""
        if self.is_clear:
            return (
                "two overlapping Gaussians were fitted to -1 / score; "
                "the upper one's weight is the estimate"
            )
        return (
            "one Gaussian explains the scores as well as two do, so no share of outliers stands "
            "apart; what lies beyond three deviations is listed"
        )


def estimate_ratio(scores: NDArray[np.floating]) -> RatioEstimate:
    """Return the share of outliers that the scores speak for.

    Parameters
    ----------
    scores : (n,) positive, higher = odder

    Notes
    -----
    A mixture of two Gaussians on -1 / score by expectation maximization, against one Gaussian by the
    Bayesian information criterion. It leans on what belongs being Gaussian on that scale, where scores
    are lengths; logarithms and roots of them are skewed still, and count that skew as outliers.
    Outliers that score like the rest cannot be counted, so the estimate is low where the two overlap much.
    """
    values = -1 / np.maximum(np.asarray(scores, np.float64), 1e-9)
    if len(values) < _MIN_IMAGES or values.std() < 1e-6:
        return _beyond_three(values)
    weight, gain = _fit_two(values)
    if gain <= 0 or not 0 < weight <= MAX_RATIO:
        return _beyond_three(values)
    n_out = max(1, round(weight * len(values)))
    return RatioEstimate(n_out / len(values), cut_for(scores, n_out), is_clear=True)


def cut_for(scores: NDArray[np.floating], n_out: int) -> float:
    """Return a score with `n_out` images above it; -inf or the highest score at the ends."""
    order = np.sort(scores)[::-1]
    if n_out >= len(order):
        return float("-inf")
    return float(order[n_out])


def _beyond_three(values: NDArray[np.float64]) -> RatioEstimate:
    """Return the images beyond three deviations of the bulk, measured by medians."""
    center = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - center)))
    beyond = center + 3 * deviation
    cut = -1 / beyond if beyond < 0 else float("inf")
    return RatioEstimate(float((values > beyond).mean()), cut, is_clear=False)


def _fit_two(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the weight of the upper Gaussian and the gain in BIC over one Gaussian."""
    split = np.quantile(values, 0.85)
    upper = values > split
    means = np.array([values[~upper].mean(), values[upper].mean()])
    deviations = np.array([values[~upper].std(), values[upper].std()]) + 1e-3
    weights = np.array([0.85, 0.15])
    for _ in range(_N_ROUNDS):
        density = _densities(values, means, deviations) * weights
        share = density / np.maximum(density.sum(axis=1, keepdims=True), 1e-300)
        total = np.maximum(share.sum(axis=0), 1e-9)
        weights = total / len(values)
        means = (share * values[:, None]).sum(axis=0) / total
        variances = (share * np.square(values[:, None] - means)).sum(axis=0) / total
        deviations = np.sqrt(np.maximum(variances, 1e-6))
    two = np.log(np.maximum((_densities(values, means, deviations) * weights).sum(axis=1), 1e-300))
    one = np.log(_densities(values, np.array([values.mean()]), np.array([values.std()]))[:, 0])
    gain = 2 * (two.sum() - one.sum()) - 3 * np.log(len(values))
    return float(weights[int(np.argmax(means))]), float(gain)


def _densities(
    values: NDArray[np.float64], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    z = (values[:, None] - means) / deviations
    found: NDArray[np.float64] = np.exp(-0.5 * np.square(z)) / (deviations * np.sqrt(2 * np.pi))
    return found
