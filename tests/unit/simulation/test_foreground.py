import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.simulation import GrayThreshold, find_foreground
from tests.pictures import disc


@pytest.fixture
def picture():
    return disc(np.random.default_rng(0), 128)


INSIDE = np.hypot(*(np.mgrid[:128, :128] / 128 - 0.5)) < 0.45


@pytest.mark.parametrize("is_dark", [False, True])
def test_a_product_on_a_plain_background_is_found(picture, is_dark):
    found = find_foreground(255 - picture if is_dark else picture)
    assert (found != INSIDE).mean() < 0.04


@pytest.mark.parametrize("look", ["noise", "flat", "gradient", "stripes", "vignette"])
def test_a_product_that_fills_the_picture_is_all_foreground(look):
    y, x = np.mgrid[:128, :128] / 128
    gray = {
        "noise": np.random.default_rng(0).normal(128, 30, (128, 128)),
        "flat": np.full((128, 128), 77.0),
        "gradient": 255 * x,
        "stripes": np.where(x * 8 % 2 < 1, 40, 200),
        "vignette": 220 - 300 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
    }[look]
    image = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    assert find_foreground(image).all()


def test_a_threshold_cuts_the_gray_value_either_way(picture):
    gray = picture @ [0.299, 0.587, 0.114]
    above = find_foreground(picture, GrayThreshold(100))
    np.testing.assert_array_equal(above, np.rint(gray) > 100)
    np.testing.assert_array_equal(
        find_foreground(picture, GrayThreshold(100, inverted=True)), ~above
    )


def test_off_and_a_threshold_that_leaves_nothing_give_the_whole_picture(picture):
    assert find_foreground(picture, "off").all()
    assert find_foreground(picture, GrayThreshold(255)).all()


@pytest.mark.parametrize("value", [-1, 256, float("nan")])
def test_thresholds_are_gray_values(value):
    with pytest.raises(ParameterError, match="0 to 255"):
        GrayThreshold(value)
