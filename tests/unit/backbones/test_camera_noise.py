"""How much noise is found, and what taking it off leaves."""

import numpy as np
import pytest

from defectory.backbones import View
from defectory.backbones.camera_noise import (
    LEAST_NOISE,
    _noise_share,
    estimate_noise,
    measure_noise,
    take_off_noise,
)
from defectory.backbones.feature_cache import FeatureCache
from defectory.backbones.preparation import clean_square, prepare_image
from defectory.domain import ArrayImages, ParameterError

# So much of independent noise is left in the mean of three channels.
MEAN_SHARE = 1 / np.sqrt(3)


def smooth(shape=(200, 260), seed=0):
    """A picture that only changes slowly, (h, w, 3) float."""
    y, x = np.mgrid[: shape[0], : shape[1]] / 40
    phase = np.random.default_rng(seed).uniform(0, 6)
    return np.repeat((128 + 40 * np.sin(x + phase) * np.cos(y))[:, :, None], 3, 2)


def as_pixels(picture):
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def noisy(picture, spread, seed=1, *, is_gray=False):
    shape = (*picture.shape[:2], 1 if is_gray else 3)
    return as_pixels(picture + np.random.default_rng(seed).normal(0, spread, shape))


@pytest.mark.parametrize("spread", [2.0, 4.0, 8.0, 16.0, 24.0])
@pytest.mark.parametrize("is_gray", [True, False])
def test_the_noise_that_was_added_is_found(spread, is_gray):
    expected = spread if is_gray else spread * MEAN_SHARE
    found = estimate_noise(noisy(smooth(), spread, is_gray=is_gray))
    assert found == pytest.approx(expected, rel=0.15)


def test_edges_are_not_taken_for_noise():
    blocks = np.kron(np.indices((10, 13)).sum(0) % 2, np.ones((20, 20)))
    checks = np.repeat(blocks[:, :, None] * 120 + 60, 3, 2)
    assert estimate_noise(as_pixels(checks)) == 0
    assert estimate_noise(noisy(checks, 8, is_gray=True)) == pytest.approx(8, rel=0.15)


@pytest.mark.parametrize("shape", [(200, 260), (63, 300), (5, 5), (1, 1)])
def test_clean_and_tiny_pictures_have_none(shape):
    assert estimate_noise(as_pixels(smooth(shape))) < 0.5
    if min(shape) < 64:
        assert estimate_noise(noisy(smooth(shape), 30)) == 0


@pytest.mark.parametrize(
    ("shape", "is_left"),
    [((128, 128), True), ((300, 300), True), ((100, 500), True), ((1100, 1000), False)],
)
def test_noise_counts_where_resizing_leaves_some(shape, is_left):
    image = noisy(np.full((*shape, 3), 128.0), 30, is_gray=True)
    left = prepare_image(image, 128, even_exposure=False).astype(float).std()
    assert (left > LEAST_NOISE) == is_left
    found = measure_noise(ArrayImages([image]), [0], 128)
    assert found == (pytest.approx(30, rel=0.15) if is_left else 0)


@pytest.mark.parametrize("shape", [(128, 128), (300, 300), (200, 500), (80, 300)])
def test_what_resizing_leaves_is_known(shape):
    image = noisy(np.full((*shape, 3), 128.0), 30, is_gray=True)
    left = prepare_image(image, 128, even_exposure=False).astype(float).std()
    assert 30 * _noise_share(image, 128) == pytest.approx(left, rel=0.1)


def test_little_noise_counts_as_none_and_the_median_image_decides():
    clean = [as_pixels(smooth(seed=i)) for i in range(5)]
    loud = [noisy(smooth(seed=i), 16, i) for i in range(5)]
    assert measure_noise(ArrayImages(clean), range(5), 128) == 0
    assert measure_noise(ArrayImages(clean[:3] + loud[:2]), range(5), 128) == 0
    assert measure_noise(ArrayImages(clean[:2] + loud[:3]), range(5), 128) > LEAST_NOISE
    assert measure_noise(ArrayImages(clean + loud), [0, 1, 2], 128) == 0


def test_at_most_32_images_are_read():
    class Counting(ArrayImages):
        n_read = 0

        def read(self, indices):
            self.n_read += len(indices)
            return super().read(indices)

    images = Counting([as_pixels(smooth((64, 64), i)) for i in range(100)])
    measure_noise(images, range(100), 64)
    assert images.n_read == 32


def test_taking_it_off_leaves_the_picture_and_little_noise():
    shape = (200, 200)
    clean, image = as_pixels(smooth(shape)), noisy(smooth(shape), 16)
    found = take_off_noise(image, 6.0)
    assert found.dtype == np.float32
    assert found.shape == image.shape
    before, after = (np.std(picture - clean) for picture in (image.astype(float), found))
    assert after < before / 4
    assert np.abs((found - clean).mean(axis=(0, 1))).max() < 0.5


def test_the_blur_is_as_wide_for_the_camera_whatever_the_size():
    image = noisy(smooth((128, 256)), 16)
    whole = prepare_image(image, 128, even_exposure=False, noise=9.0).astype(float)
    before = np.rint(take_off_noise(image, 9.0)).astype(np.uint8)
    after = prepare_image(before, 128, even_exposure=False).astype(float)
    assert np.abs(whole - after)[8:-8, 8:-8].max() <= 3


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_images_of_any_size_are_prepared(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert prepare_image(image, 64, even_exposure=True, noise=20.0).shape == (64, 64, 3)


def test_without_noise_preparation_is_what_it_was():
    image = noisy(smooth(), 16)
    plain = prepare_image(image, 64, even_exposure=True)
    np.testing.assert_array_equal(prepare_image(image, 64, even_exposure=True, noise=0.0), plain)
    assert (prepare_image(image, 64, even_exposure=True, noise=6.0) != plain).any()


def test_the_cache_tells_noise_apart(make_backbone, tmp_path):
    source = ArrayImages([noisy(smooth((64, 64)), 16)])
    cache = FeatureCache(tmp_path)
    for noise in (0.0, 4.0, 8.0, 4.0, 0.0):
        view = View(64, noise=noise)
        (cached,) = make_backbone(("block2",), cache=cache).extract(source, view)
        (exact,) = make_backbone(("block2",)).extract(source, view)
        np.testing.assert_array_equal(cached["block2"], exact["block2"].astype(np.float16))


@pytest.mark.parametrize("noise", [-1.0, 256.0, float("nan")])
def test_noise_out_of_range_is_refused(noise):
    with pytest.raises(ParameterError, match="noise"):
        View(64, noise=noise)


def test_a_defect_drawn_into_a_square_is_blurred_as_one_before_the_camera_would_be():
    image = np.full((80, 120, 3), 120, np.uint8)
    image[30:50, 40:70] = 200
    square = prepare_image(image, 64, even_exposure=False)
    assert clean_square(square, image, 0.0) is square
    cleaned = clean_square(square, image, 10.0)
    np.testing.assert_array_equal(
        cleaned, prepare_image(image, 64, even_exposure=False, noise=10.0)
    )
    steps = [np.abs(np.diff(part[32, :, 0].astype(int))).max() for part in (square, cleaned)]
    assert steps[1] < steps[0]
