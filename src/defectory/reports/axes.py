"""Where scores lie on an axis: linear, or logarithmic in the tails where these are long."""

from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

_LONG_TAIL = 4.0  # times the spread of the bulk
_MAX_DIGITS = 12


class ScoreAxis:
    """Maps scores to [0, 1] without changing their order.

    Parameters
    ----------
    scores : (n,) float, finite
    bulk : (m,) float, the scores that deserve a linear scale (the normal ones); may be empty
    threshold : kept on the axis if finite

    Attributes
    ----------
    is_bent : whether the tails are compressed
    """

    def __init__(
        self, scores: NDArray[np.floating], bulk: NDArray[np.floating], threshold: float
    ) -> None:
        shown = np.append(scores, threshold).astype(np.float64)
        shown = shown[np.isfinite(shown)]
        if not shown.size:
            shown = np.zeros(1)
        base = bulk if bulk.size else shown
        self._center = float(np.median(base))
        self._spread = _spread(base, self._center, threshold)
        low, high = float(shown.min()), float(shown.max())
        self.is_bent = max(high - self._center, self._center - low) > _LONG_TAIL * self._spread
        # A margin, so that the outermost scores do not sit on the frame.
        bent_low, bent_high = self._bend(np.array([low, high]))
        margin = 0.03 * (bent_high - bent_low) or 0.5
        self._low, self._high = bent_low - margin, bent_high + margin

    def place(self, values: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """Return positions along the axis, 0 left and 1 right."""
        bent = self._bend(np.asarray(values, dtype=np.float64))
        return np.asarray((bent - self._low) / (self._high - self._low), dtype=np.float64)

    def ticks(self, n_ticks: int = 5) -> list[float]:
        """Return about `n_ticks` round values that are well apart on the axis, rising."""
        if not self.is_bent:
            low, high = self._value(np.array([0.0, 1.0]))
            return _even_ticks(float(low), float(high), n_ticks)
        gap = 1 / n_ticks
        wanted = gap * (np.arange(n_ticks, dtype=np.float64) + 0.5)
        # Each tick may move by a third of the gap to a rounder number: neighbors stay apart.
        lows, highs = self._value(wanted - gap / 3), self._value(wanted + gap / 3)
        return [
            _roundest(low, high) for low, high in zip(lows.tolist(), highs.tolist(), strict=True)
        ]

    def _bend(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        steps = (values - self._center) / self._spread
        return np.arcsinh(steps) if self.is_bent else steps

    def _value(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        steps = self._low + positions * (self._high - self._low)
        values: NDArray[np.float64] = np.sinh(steps) if self.is_bent else steps
        return self._center + self._spread * values


def _spread(bulk: NDArray[np.floating], center: float, threshold: float) -> float:
    """Return the width of the bulk: up to the threshold if that lies above it."""
    to_threshold = threshold - center
    if np.isfinite(to_threshold) and to_threshold > 0:
        return float(to_threshold)
    low, high = np.percentile(bulk, [10, 90])
    return float(high - low) or 1.0


def _even_ticks(low: float, high: float, n_ticks: int) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    rough = 0.7 * (high - low) / n_ticks  # the step is rounded up: aim a little low
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = ceil(low / step), floor(high / step)
    return [_clean(index * step) for index in range(first, last + 1)]


def _roundest(low: float, high: float) -> float:
    """Return the number with the fewest digits within [low, high]."""
    power = 10.0 ** ceil(log10(max(abs(low), abs(high))))
    for _ in range(_MAX_DIGITS):
        for step in (power, power / 2, power / 5):
            candidate = ceil(low / step) * step
            if candidate <= high:
                return _clean(candidate)
        power /= 10
    return (low + high) / 2


def _clean(value: float) -> float:
    """Return the value without the noise of binary fractions; -0.0 becomes 0.0."""
    return float(f"{value:.{_MAX_DIGITS}g}") + 0.0
