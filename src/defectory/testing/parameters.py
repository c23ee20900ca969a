"""Checks as parameters of a test function, in the manner of scikit-learn's `parametrize_with_checks`."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pytest

from defectory.backbones import WeightCard
from defectory.detectors import Detector
from defectory.testing.checks import BACKBONE_CHECKS, DETECTOR_CHECKS
from defectory.testing.subjects import BackboneSubject, DetectorSubject


def detector_checks(*makers: Callable[[], Detector]) -> pytest.MarkDecorator:
    """Parametrize a test function with a `check` for everything that a detector must keep.

    Parameters
    ----------
    makers : each returns a new, unfitted detector, always the same
        choose fast settings, such as size_px=64 and few steps: a detector is fitted some 25 times on up to 20
        images of 96 x 96 px

    Returns
    -------
    the decorator; the test function takes `check` and calls it without arguments

    Notes
    -----
    A check that asks for what a detector says it cannot do is skipped, and names the reason. Bundles are
    saved and loaded, too, so the detector's package must be installed, with its entry point.
    """
    return _parametrize(map(DetectorSubject, makers), DETECTOR_CHECKS)


def backbone_checks(*converters: Callable[[], tuple[bytes, WeightCard]]) -> pytest.MarkDecorator:
    """Parametrize a test function with a `check` for everything that a backbone must keep.

    Parameters
    ----------
    converters : each as its entry point names it: returns ONNX bytes and their weight card
        the package must be installed, with the entry point

    Returns
    -------
    the decorator; the test function takes `check` and calls it without arguments
    """
    return _parametrize(map(BackboneSubject, converters), BACKBONE_CHECKS)


def _parametrize(
    subjects: Iterable[Any], checks: Sequence[Callable[..., None]]
) -> pytest.MarkDecorator:
    parameters = [
        pytest.param(
            partial(check, subject), id=f"{subject.name}-{check.__name__.removeprefix('check_')}"
        )
        for subject in subjects
        for check in checks
    ]
    return pytest.mark.parametrize("check", parameters)
