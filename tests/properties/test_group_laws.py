"""What groups may not change: held-out scores know who belongs together, and nothing else of them."""

import numpy as np
import pytest

from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from defectory.testing.pictures import products
from tests.conformance.test_detectors import fast

N = 8
IMAGES = ArrayImages(products(N))
NAMES = ("gaussian", "patch-memory", "auto", "mcod")
EVERY = pytest.mark.parametrize("name", NAMES)


def _held_out(name, groups):
    """Return content -> score and peak of each held-out image."""
    found = fast(find_detector(name)).fit(IMAGES, groups=groups).held_out_
    peaks = found.peaks if len(found.peaks) else np.zeros(len(found))
    return dict(zip(found.contents, zip(found.scores, peaks, strict=True), strict=True))


@pytest.fixture(params=[0, *(pytest.param(s, marks=pytest.mark.thorough) for s in range(1, 4))])
def draw(request):
    return np.random.default_rng(request.param)


@pytest.fixture(scope="module")
def without_groups():
    return {name: _held_out(name, None) for name in NAMES}


@EVERY
def test_groups_of_one_image_each_are_no_groups(without_groups, name, draw):
    numbers = draw.choice(2**40, N, replace=False)
    groups = np.where(draw.random(N) < 0.5, -1, numbers)
    assert _held_out(name, groups) == without_groups[name]


@EVERY
def test_what_groups_are_called_changes_nothing(name, draw):
    groups = draw.integers(-1, 4, N)
    numbers = draw.choice(2**40, 4, replace=False)
    renamed = [-7 if group < 0 else numbers[group] for group in groups]
    assert _held_out(name, renamed) == _held_out(name, groups)


@EVERY
def test_images_that_are_all_of_one_group_are_left_out_one_by_one(without_groups, name):
    """There would be nothing to learn from without it."""
    assert _held_out(name, [3] * N) == without_groups[name]
