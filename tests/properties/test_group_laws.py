"""What groups may not change: held-out scores know who belongs together, and nothing else of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from defectory.testing.pictures import products
from tests.conformance.test_detectors import fast

N = 8
IMAGES = ArrayImages(products(N))
NAMES = ("gaussian", "patch-memory", "auto", "mcod")
FEW = settings(max_examples=2)
OWN = st.lists(st.integers(0, 2**40), min_size=N, max_size=N, unique=True)


def _held_out(name, groups):
    """Return content -> score and peak of each held-out image."""
    found = fast(find_detector(name)).fit(IMAGES, groups=groups).held_out_
    peaks = found.peaks if len(found.peaks) else np.zeros(len(found))
    return dict(zip(found.contents, zip(found.scores, peaks, strict=True), strict=True))


@pytest.fixture(scope="module")
def without_groups():
    return {name: _held_out(name, None) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(numbers=OWN, is_alone=st.lists(st.booleans(), min_size=N, max_size=N))
def test_groups_of_one_image_each_are_no_groups(without_groups, name, numbers, is_alone):
    groups = np.where(is_alone, -1, numbers)
    assert _held_out(name, groups) == without_groups[name]


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(
    groups=st.lists(st.integers(-1, 3), min_size=N, max_size=N),
    numbers=st.lists(st.integers(0, 2**40), min_size=4, max_size=4, unique=True),
)
def test_what_groups_are_called_changes_nothing(name, groups, numbers):
    renamed = [-7 if group < 0 else numbers[group] for group in groups]
    assert _held_out(name, renamed) == _held_out(name, groups)


@pytest.mark.parametrize("name", NAMES)
def test_images_that_are_all_of_one_group_are_left_out_one_by_one(without_groups, name):
    """There would be nothing to learn from without it."""
    assert _held_out(name, [3] * N) == without_groups[name]
