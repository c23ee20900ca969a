"""Thresholds with a finite-sample promise."""

from defectory.calibration.thresholds import (
    DEFAULT_CONFIDENCE,
    Threshold,
    fit_threshold,
    n_normals_needed,
)

__all__ = ["DEFAULT_CONFIDENCE", "Threshold", "fit_threshold", "n_normals_needed"]
