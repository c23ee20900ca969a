"""Numbers for JSON, which has no place for those that are not finite."""

from math import isfinite


def finite_or_none(value: float | None) -> float | None:
    """Return the number; None where there is none, or it is infinite or nan."""
    return float(value) if value is not None and isfinite(value) else None
