"""The registry knows names; it imports a class when that one is asked for, and no other."""

import subprocess
import sys

import pytest

from defectory.detectors import DEFAULT_DETECTOR, detector_names, find_detector
from defectory.domain import ParameterError

IMPORTED = """
import sys
from defectory.detectors import find_detector
before = set(sys.modules)
find_detector("gaussian")
print(" ".join(before), "|", " ".join(sys.modules))
"""


def test_the_default_is_first():
    assert detector_names()[0] == DEFAULT_DETECTOR
    assert len(set(detector_names())) == 6


def test_only_the_detector_asked_for_is_imported():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    before, _, after = done.stdout.partition("|")
    assert "defectory.detectors.gaussian" not in before.split()
    assert "defectory.detectors.gaussian" in after.split()
    others = {"auto", "patch_memory", "memseg", "mapl", "mcod"}
    assert not {f"defectory.detectors.{name}" for name in others} & set(after.split())


def test_another_name_is_an_error_of_one_line():
    with pytest.raises(ParameterError, match=r"no detector is named 'oracle'; there are auto, ga"):
        find_detector("oracle")
