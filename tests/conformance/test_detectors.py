"""Every detector of the registry, through every check: a new one is covered by its registry line."""

import pytest

from defectory.detectors import DEFAULT_DETECTOR, detector_names, find_detector
from defectory.detectors.base import Detector
from tests.conformance.checks import CHECKS
from tests.conformance.subjects import Subject


@pytest.fixture(scope="module", params=detector_names())
def subject(request):
    return Subject(find_detector(request.param))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_detector(subject, check, tmp_path):
    check(subject, tmp_path)


def test_the_registry_names_classes_by_their_names():
    assert DEFAULT_DETECTOR in detector_names()
    for name in detector_names():
        detector = find_detector(name)
        assert issubclass(detector, Detector)
        assert detector.name == name
