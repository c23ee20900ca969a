"""Boxes around regions, in pictures of any size."""

import numpy as np
import pytest

from defectory.domain import Region
from defectory.reports.boxes import draw_boxes


def _region(x, y, width, height):
    return Region(x, y, width, height, width * height, x, y, 1.0)


@pytest.mark.parametrize("shrink", [1, 2])
def test_a_box_frames_the_region_and_leaves_it_as_it_is(shrink):
    picture = np.full((100 // shrink, 200 // shrink, 3), 128, np.uint8)
    drawn = draw_boxes(picture, [_region(60, 40, 40, 20)], (100, 200))
    inside = (slice(40 // shrink, 60 // shrink), slice(60 // shrink, 100 // shrink))
    assert (drawn[inside] == 128).all()
    changed = np.argwhere((drawn != 128).any(2))
    top, left = changed.min(0)
    bottom, right = changed.max(0)
    assert 0 < 40 // shrink - top <= 3
    assert 0 < 60 // shrink - left <= 3
    assert 0 <= bottom - 60 // shrink < 3
    assert 0 <= right - 100 // shrink < 3
    assert {tuple(color) for color in drawn[tuple(changed.T)]} == {(0, 0, 0), (255, 255, 255)}


def test_a_box_of_the_whole_image_is_seen():
    picture = np.full((50, 50, 3), 128, np.uint8)
    drawn = draw_boxes(picture, [_region(0, 0, 50, 50)], (50, 50))
    assert (drawn[0] != 128).all()
    assert (drawn[:, -1] != 128).all()


def test_without_regions_nothing_is_drawn():
    picture = np.zeros((8, 8, 3), np.uint8)
    assert draw_boxes(picture, [], (8, 8)) is picture
