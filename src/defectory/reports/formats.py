"""Numbers as a reader wants them; what is not a number is said in words."""

from math import ceil, floor, isfinite, isinf, isnan, log10

NOT_AVAILABLE = "n/a"
_MOST_DECIMALS = 5


def as_ratio(value: float) -> str:
    """Return 0.979; more decimals where three would round to 0 or 1; n/a for nan."""
    if not isfinite(value):
        return NOT_AVAILABLE
    return f"{value:.{_decimals(value, unit=1.0, fewest=3)}f}"


def as_percent(value: float) -> str:
    """Return 93.1 % of a ratio; more decimals where one would round to 0 or 100; n/a for nan."""
    if not isfinite(value):
        return NOT_AVAILABLE
    return f"{100 * value:.{_decimals(value, unit=100.0, fewest=1)}f}\u00a0%"


def as_level(value: float) -> str:
    """Return 95 % of a ratio, with no more decimals than it has; n/a for nan."""
    return f"{100 * value:.6g}\u00a0%" if isfinite(value) else NOT_AVAILABLE


def as_bound(value: float) -> str:
    """Return "at most 0.94 %" of a ratio, rounded up: a bound must not look tighter than it is."""
    if not isfinite(value):
        return NOT_AVAILABLE
    hundredths = ceil(value * 1e4 - 1e-6)  # the noise of binary fractions is no reason to round up
    return f"at most {hundredths / 100:.2f}\u00a0%"


def as_score(value: float) -> str:
    """Return four significant digits, 33.90 rather than 33.9; the infinity sign; n/a for nan."""
    if isnan(value):
        return NOT_AVAILABLE
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:#.4g}".rstrip(".").replace("-", "−")


def as_weight(value: float) -> str:
    """Return two decimals; 0 and 1 only where they are exact; n/a for nan."""
    if not isfinite(value):
        return NOT_AVAILABLE
    if value in (0, 1):
        return f"{value:.0f}"
    return f"{min(max(value, 0.01), 0.99):.2f}" if 0 < value < 1 else f"{value:.2f}"


def as_tick(value: float) -> str:
    """Return a finite number with no more digits than it has."""
    return f"{value:.6g}".replace("-", "−")


def _decimals(value: float, unit: float, fewest: int) -> int:
    """Return how many decimals keep a ratio apart from 0 and from 1: 0.9996 is not 1.000."""
    distance = min(abs(value), abs(1 - value)) * unit
    if distance == 0:
        return fewest
    return min(max(fewest, -floor(log10(distance))), _MOST_DECIMALS)
