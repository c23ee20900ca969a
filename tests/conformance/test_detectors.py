"""Every detector of the registry, through every check: a new one is covered by its registry line."""

import inspect
from functools import partial

import pytest

from defectory.detectors import DEFAULT_DETECTOR, Detector, detector_names, find_detector
from defectory.testing import detector_checks

# Settings a detector does not have are left out, so a new detector needs no line here.
FAST = {"size_px": 64, "n_bank": 512, "n_steps": 6, "n_memory": 6, "detail_ratio": 1.0}


def fast(detector_class):
    known = inspect.signature(detector_class).parameters
    return detector_class(**{name: value for name, value in FAST.items() if name in known})


def makers(names):
    return [partial(fast, find_detector(name)) for name in names]


# It takes as long as three others, and trains as `mapl` does.
SLOW = "memseg"


@detector_checks(*makers(name for name in detector_names() if name != SLOW))
def test_detector(check):
    check()


@pytest.mark.thorough
@detector_checks(*makers([SLOW]))
def test_slow_detector(check):
    check()


def test_the_registry_names_classes_by_their_names():
    assert DEFAULT_DETECTOR in detector_names()
    for name in detector_names():
        detector = find_detector(name)
        assert issubclass(detector, Detector)
        assert detector.name == name
