"""Laws of what a backbone gets to see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from defectory.backbones.preparation import prepare_image

TEXTURE = np.random.default_rng(0).normal(0, 1, (64, 64, 3)).clip(-2.5, 2.5)


def photograph(gain, offset):
    """The same part under another lamp; within 0-255, so nothing is clipped away."""
    image = TEXTURE * gain + offset
    assert image.min() >= 0
    assert image.max() <= 255
    return np.rint(image).astype(np.uint8)


@pytest.mark.parametrize("shape", [(64, 64), (1, 1), (7, 200), (300, 41)])
@pytest.mark.parametrize("even_exposure", [True, False])
def test_any_size_becomes_the_square(shape, even_exposure):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = image.copy()
    prepared = prepare_image(image, 64, even_exposure=even_exposure)
    assert prepared.shape == (64, 64, 3)
    assert prepared.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_without_exposure_a_fitting_image_is_left_alone():
    image = photograph(20, 120)
    np.testing.assert_array_equal(prepare_image(image, 64, even_exposure=False), image)


def test_exposure_is_brought_to_the_stated_mean_and_spread():
    prepared = prepare_image(photograph(25, 90), 64, even_exposure=True)
    assert prepared.mean() == pytest.approx(110, abs=1)
    spread = photograph(25, 90).std()
    assert prepared.std() == pytest.approx(40 * spread / (spread + 5), abs=1)


@given(st.floats(-60, 60))
def test_brightness_does_not_matter(offset):
    """Rounding before (half a gray level, times the gain) and after remains."""
    reference = prepare_image(photograph(25, 125), 64, even_exposure=True).astype(int)
    found = prepare_image(photograph(25, 125 + offset), 64, even_exposure=True)
    assert np.abs(found - reference).max() <= 3


@given(st.floats(20, 48))
def test_contrast_matters_little(gain):
    """The floor under the spread leaves (gain + 5) / gain of it, no more."""
    reference = prepare_image(photograph(25, 125), 64, even_exposure=True)
    found = prepare_image(photograph(gain, 125), 64, even_exposure=True)
    spread, reference_spread = photograph(gain, 125).std(), photograph(25, 125).std()
    kept = (spread / (spread + 5)) / (reference_spread / (reference_spread + 5))
    expected = (reference - 110.0) * kept + 110
    assert np.abs(found - expected).max() <= 5


@given(st.integers(0, 255))
def test_a_uniform_image_becomes_the_mean(value):
    image = np.full((32, 32, 3), value, np.uint8)
    assert (prepare_image(image, 32, even_exposure=True) == 110).all()


def test_the_noise_of_a_nearly_uniform_image_is_not_blown_up():
    noise = np.random.default_rng(0).integers(99, 102, (64, 64, 3)).astype(np.uint8)
    assert prepare_image(noise, 64, even_exposure=True).std() < 6


def test_hues_stay():
    """One gain for all channels: what is redder than it is blue stays so, by the same measure."""
    image = photograph(15, 100)
    image[..., 0] += 40
    found = prepare_image(image, 64, even_exposure=True).astype(float)
    gain = 40 / (image.std() + 5)
    difference = (found[..., 0] - found[..., 2]).mean()
    assert difference == pytest.approx(
        (image[..., 0].astype(float) - image[..., 2]).mean() * gain, abs=1
    )


@pytest.mark.parametrize("size", [(200, 90), (90, 200)])
def test_pixels_do_not_depend_on_which_way_pillow_goes_first(size):
    # of these two images, Pillow 13 resizes one down first and one across, and rounds in between
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    down = PillowImage.fromarray(image).resize((size[1], 64), PillowImage.Resampling.BILINEAR)
    wanted = np.asarray(down.resize((96, 64), PillowImage.Resampling.BILINEAR))
    np.testing.assert_array_equal(prepare_image(image, (64, 96), even_exposure=False), wanted)
