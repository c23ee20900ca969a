"""Detectors: one file a published method, and the registry, which imports none of them."""

from defectory.detectors.registry import (
    DEFAULT_DETECTOR,
    DETECTORS,
    detector_names,
    find_detector,
)

__all__ = ["DEFAULT_DETECTOR", "DETECTORS", "detector_names", "find_detector"]
