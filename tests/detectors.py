"""Every detector of the registry as a parameter: a new one is tested by its registry line."""

import pytest

from defectory.detectors import detector_names

SLOW = "memseg"
"""Takes as long as three others, and trains as `mapl` does: `make thorough` tries it."""


def every_detector(names=None, *, slow=(SLOW,)):
    """Return the names of all detectors, or of those given, to parametrize a test with."""
    return [
        pytest.param(name, marks=[pytest.mark.thorough] if name in slow else [])
        for name in names or detector_names()
    ]
