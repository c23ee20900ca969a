"""Detectors: their contract, one file a published method, and the registry, which imports none of them."""

from defectory.detectors.base import (
    Arrays,
    Capabilities,
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.registry import (
    DEFAULT_DETECTOR,
    DETECTORS,
    detector_names,
    find_bundled_detector,
    find_detector,
    provider_of,
)

__all__ = [
    "DEFAULT_DETECTOR",
    "DETECTORS",
    "Arrays",
    "Capabilities",
    "Detector",
    "detector_names",
    "find_bundled_detector",
    "find_detector",
    "groups_to_leave_out",
    "held_out_from",
    "provider_of",
    "usable_as_normal",
]
