"""Boxes around regions, in pictures of any size."""

import numpy as np
import pytest

from defectory.domain import Region
from defectory.reports.boxes import draw_boxes


def _region(x, y, width, height):
    return Region(x, y, width, height, width * height, x, y, 1.0)


@pytest.mark.parametrize("shrink", [1, 2])
def test_a_box_lies_on_the_edge_of_its_region(shrink):
    picture = np.full((100 // shrink, 200 // shrink, 3), 128, np.uint8)
    drawn = draw_boxes(picture, [_region(60, 40, 40, 20)], (100, 200))
    white, black = ((drawn == shade).all(2) for shade in (255, 0))
    top, bottom, left, right = (at // shrink for at in (40, 60, 60, 100))
    np.testing.assert_array_equal(np.argwhere(white).min(0), (top, left))
    np.testing.assert_array_equal(np.argwhere(white).max(0), (bottom - 1, right - 1))
    np.testing.assert_array_equal(np.argwhere(black).min(0), (top - 1, left - 1))
    np.testing.assert_array_equal(np.argwhere(black).max(0), (bottom, right))
    assert (drawn[top + 1 : bottom - 1, left + 1 : right - 1] == 128).all()


def test_a_box_of_the_whole_image_is_seen():
    picture = np.full((50, 50, 3), 128, np.uint8)
    drawn = draw_boxes(picture, [_region(0, 0, 50, 50)], (50, 50))
    assert (drawn[0] == 255).all()
    assert (drawn[:, -1] == 255).all()


def test_without_regions_nothing_is_drawn():
    picture = np.zeros((8, 8, 3), np.uint8)
    assert draw_boxes(picture, [], (8, 8)) is picture
