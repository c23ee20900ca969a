"""Every detector of the registry, through every check: a new one is covered by its registry line."""

import inspect
from functools import partial

import pytest

from defectory.detectors import DEFAULT_DETECTOR, Detector, detector_names, find_detector
from defectory.testing import detector_checks
from defectory.testing.checks import DETECTOR_CHECKS
from tests.detectors import SLOW

# Settings a detector does not have are left out, so a new detector needs no line here.
FAST = {"size_px": 64, "n_bank": 512, "n_steps": 6, "n_memory": 6, "detail_ratio": 1.0}


def fast(detector_class):
    known = inspect.signature(detector_class).parameters
    return detector_class(**{name: value for name, value in FAST.items() if name in known})


def makers(names):
    return [partial(fast, find_detector(name)) for name in names]


# Those that train take seconds a fit: their checks are for `make thorough`, but for those that training could
# break.
ALWAYS = (
    "a_failed_fit_leaves_it_unfitted",
    "trained_beats_untrained",
    "few_images_already_tell_defects",
    "same_seed_same_result_whatever_the_threads",
    "hidden_truth_changes_nothing",
    "a_saved_bundle_scores_the_same",
    "its_graph_scores_the_same",
)


def checks(names):
    """Return the parameters of all checks of detectors, the slow ones marked as thorough."""
    _, parameters = detector_checks(*makers(names)).args
    return [
        pytest.param(*p.values, id=p.id, marks=_marks(*p.id.rsplit("-", 1))) for p in parameters
    ]


def _marks(name, check):
    is_slow = name == SLOW or (name == "mapl" and check not in ALWAYS)
    return [pytest.mark.thorough] if is_slow else []


def test_what_is_always_tried_is_a_check():
    assert {f"check_{name}" for name in ALWAYS} <= {check.__name__ for check in DETECTOR_CHECKS}


@pytest.mark.parametrize("check", checks(detector_names()))
def test_detector(check):
    check()


def test_the_registry_names_classes_by_their_names():
    assert DEFAULT_DETECTOR in detector_names()
    for name in detector_names():
        detector = find_detector(name)
        assert issubclass(detector, Detector)
        assert detector.name == name
