"""Thresholds with a finite-sample promise."""

from defectory.calibration.estimates import choose_threshold, estimate_threshold
from defectory.calibration.thresholds import (
    DEFAULT_CONFIDENCE,
    Threshold,
    fit_threshold,
    n_normals_needed,
)

__all__ = [
    "DEFAULT_CONFIDENCE",
    "Threshold",
    "choose_threshold",
    "estimate_threshold",
    "fit_threshold",
    "n_normals_needed",
]
