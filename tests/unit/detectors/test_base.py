"""What all detectors make of groups, and what they tell of the images that they held out."""

import numpy as np
import pytest

from defectory.detectors import find_detector
from defectory.detectors.base import groups_to_leave_out, held_out_from
from defectory.domain import CONTENT_DIGITS, ArrayImages, Label, ParameterError
from defectory.testing.pictures import products
from tests.conformance.test_detectors import fast
from tests.detectors import SLOW, every_detector

IMAGES = ArrayImages(products(9))
CONTENTS = [IMAGES.fingerprint(i)[:CONTENT_DIGITS] for i in range(9)]
UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)
LABELS = [NORMAL, UNLABELED, ANOMALOUS, NORMAL, UNLABELED, NORMAL, ANOMALOUS, NORMAL, UNLABELED]
GROUPS = [5, 5, 5, -1, 2, -1, 8, 2, 8]


@pytest.mark.parametrize(
    ("groups", "numbers"),
    [
        (None, [0, 1, 2, 3]), ([-1, -1, -1, -1], [0, 1, 2, 3]), ([9, 4, 9, 0], [0, 1, 0, 2]),
        ([-1, 7, -5, 7], [0, 1, 2, 1]), ([3, 3, 3, 3], [0, 1, 2, 3]),
    ],
)  # fmt: skip
def test_groups_are_counted_by_their_first_images(groups, numbers):
    assert groups_to_leave_out(4, groups, np.arange(4)).tolist() == numbers


def test_where_all_usable_images_are_of_one_group_each_has_its_own():
    """Another group that is labeled anomalous teaches nothing of what is normal."""
    groups = [6, 6, 1, 6]
    assert groups_to_leave_out(4, groups, np.array([0, 1, 3])).tolist() == [0, 1, 2, 3]
    assert groups_to_leave_out(4, groups, np.arange(4)).tolist() == [0, 0, 1, 0]
    assert groups_to_leave_out(2, [1, 1], np.arange(0)).tolist() == [0, 0]


@pytest.mark.parametrize("groups", [[0, 1], [[0, 1, 2]], [0.5, 1, 2]])
@pytest.mark.parametrize("name", every_detector())
def test_groups_that_do_not_fit_are_refused(name, groups):
    with pytest.raises(ParameterError, match="groups of shape"):
        fast(find_detector(name)).fit(ArrayImages(products(3)), groups=groups)


def test_of_held_out_images_is_told_what_the_fit_was_told():
    rows, groups = np.array([3, 0, 4]), 10 + np.arange(9)
    found = held_out_from(IMAGES, rows, [1, 2, 3], [4, 5, 6], labels=LABELS, groups=groups)
    assert found.scores.tolist() == [1, 2, 3]
    assert found.peaks.tolist() == [4, 5, 6]
    assert found.is_confirmed.tolist() == [True, True, False]
    assert found.groups.tolist() == [13, 10, 14]
    assert found.contents == tuple(CONTENTS[i] for i in rows)
    unlabeled = held_out_from(IMAGES, rows, [1, 2, 3], (), labels=None, groups=groups)
    assert not unlabeled.is_confirmed.any()


@pytest.mark.parametrize("name", every_detector(slow=("mapl", SLOW)))
def test_every_detector_tells_what_it_held_out(name):
    found = fast(find_detector(name)).fit(IMAGES, LABELS, groups=GROUPS).held_out_
    rows = [CONTENTS.index(content) for content in found.contents]
    assert len(set(rows)) == len(rows) >= 2
    labels = np.array(LABELS)[rows]
    assert (labels != ANOMALOUS).all()
    np.testing.assert_array_equal(found.is_confirmed, labels == NORMAL)
    numbers = groups_to_leave_out(9, GROUPS, np.flatnonzero(np.array(LABELS) != ANOMALOUS))
    np.testing.assert_array_equal(found.groups, numbers[rows])
