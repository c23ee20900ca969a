"""How good scores and maps are, with intervals: pure functions of arrays, ties exact.

Labels are 0 (normal) and 1 (anomalous), higher scores are more anomalous, and a metric that is
undefined, as with one class only, is nan.
"""

from defectory.metrics.bootstrap import PixelIntervals, bootstrap_interval, pixel_intervals
from defectory.metrics.intervals import Interval
from defectory.metrics.pixels import PixelMetrics, aupro, pixel_auroc, pixel_metrics
from defectory.metrics.ranking import (
    RocCurve,
    auroc,
    average_precision,
    f1_score,
    recall_at_false_reject_rate,
    roc_curve,
)

__all__ = [
    "Interval",
    "PixelIntervals",
    "PixelMetrics",
    "RocCurve",
    "aupro",
    "auroc",
    "average_precision",
    "bootstrap_interval",
    "f1_score",
    "pixel_auroc",
    "pixel_intervals",
    "pixel_metrics",
    "recall_at_false_reject_rate",
    "roc_curve",
]
