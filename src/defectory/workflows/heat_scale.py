"""The colors of a detector's maps."""

from math import isfinite

import numpy as np

from defectory.reports.content import HeatScale
from defectory.workflows.calibrated import CalibratedDetector

__all__ = ["HeatScale", "heat_scale_of"]


def heat_scale_of(model: CalibratedDetector) -> HeatScale | None:
    """Return the colors of a model's maps: none below a good part's usual peak, middle at the threshold."""
    peaks = model.bundle.calibration.peaks
    threshold = model.pixel_threshold
    if not len(peaks) or not isfinite(threshold):
        return None
    reach = max(threshold - float(np.median(peaks)), 1e-3 * max(1.0, abs(threshold)))
    return HeatScale(threshold - reach, threshold, threshold + 2 * reach)
