import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.backbones import View
from defectory.detectors.image_shape import choose_shape

SIDES = st.integers(1, 5000)


class Images:
    """Black images of these (height, width)."""

    def __init__(self, *sizes):
        self.sizes, self.read_ = sizes, []

    def read(self, indices):
        self.read_ += list(indices)
        # one value for all pixels: large images take no memory
        return [np.broadcast_to(np.uint8(0), (*self.sizes[i], 3)) for i in indices]


def _chosen(*sizes, size_px=256, detail_px=512):
    return choose_shape(Images(*sizes), range(len(sizes)), size_px, detail_px)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((300, 300), (256, 256)),
        ((320, 320), (320, 320)),
        ((400, 600), (384, 384)),  # an aspect of 1.5 is squeezed
        ((600, 400), (384, 384)),
        ((2000, 3000), (512, 512)),
        ((1024, 1024), (512, 512)),
        ((511, 700), (448, 448)),
        ((100, 100), (256, 256)),  # enlarged to the least, never beyond
        ((30, 40), (256, 256)),
    ],
)
def test_squares_up_to_an_aspect_of_one_and_a_half(size, expected):
    assert _chosen(size) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((256, 4096), (256, 4096)),
        ((256, 512), (256, 512)),
        ((1000, 2000), (320, 640)),  # as many pixels as a square of 512
        ((100, 1000), (256, 2560)),
        ((64, 128), (256, 512)),
        ((1000, 1520), (384, 576)),
        ((100, 5000), (256, 4096)),  # as if it were 16 times as long as wide
    ],
)
def test_strips_keep_their_aspect_lying_or_standing(size, expected):
    assert _chosen(size) == expected
    assert _chosen(size[::-1]) == expected[::-1]


def test_detail_is_no_reason_to_read_less_than_asked_for():
    assert _chosen((2000, 2000), size_px=512, detail_px=256) == (512, 512)
    assert _chosen((2000, 2000), size_px=288, detail_px=256) == (288, 288)


@given(SIDES, SIDES, st.sampled_from([64, 224, 256, 288]), st.sampled_from([256, 512, 700]))
def test_sides_are_bounded_and_fit_patches(height, width, size_px, detail_px):
    found = _chosen((height, width), size_px=size_px, detail_px=detail_px)
    short, long = sorted(found)
    least, most = sorted((height, width))
    assert short >= size_px
    if short > size_px:  # finer than asked for, but not enlarged
        assert short % 64 == 0
        assert short <= least
        assert short * short * min(most / least, 16) <= detail_px**2 * 1.001 or most / least <= 1.5
    assert long == short or long % 64 == 0
    assert long <= 16 * short + 32
    if most / least <= 1.5:
        assert long == short <= max(size_px, detail_px)
    elif height != width:
        assert (found[1] >= found[0]) == (width > height)
        # half a step, and what floats make of it
        assert abs(long / short - min(most / least, 16)) <= 32 / short + 1e-9


@pytest.mark.parametrize("size", [(5000, 5000), (1024, 5000), (300, 9000), (2048, 4096)])
@pytest.mark.parametrize("size_px", [1024, 1280, 2048])
def test_no_shape_is_larger_than_a_view_may_be(size, size_px):
    found = _chosen(size, size_px=size_px, detail_px=2 * size_px)
    assert View(size_px, shape_px=found).whole_px == found


def test_the_median_image_decides():
    assert _chosen((256, 2048), (300, 300), (256, 256)) == (256, 256)
    assert _chosen((256, 2048), (300, 300), (256, 2048)) == (256, 2048)


def test_at_most_sixteen_images_are_read_evenly_spaced():
    images = Images(*[(300, 300)] * 200)
    choose_shape(images, np.arange(40, 200), 256, 512)
    assert len(images.read_) == 16
    assert (images.read_[0], images.read_[-1]) == (40, 199)
    assert np.ptp(np.diff(images.read_)) <= 1


def test_of_few_images_each_is_read_once():
    images = Images(*[(300, 300)] * 9)
    choose_shape(images, [4, 7, 8], 256, 512)
    assert images.read_ == [4, 7, 8]
