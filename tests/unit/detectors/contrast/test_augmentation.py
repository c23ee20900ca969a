"""Views are drawn from a seed, keep what they must, and suit what the images show."""

import numpy as np
import pytest

from defectory.detectors.contrast.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    AugmentedImages,
    augment,
    choose_augmentation,
)
from defectory.domain import ArrayImages, ParameterError

STILL = Augmentation(zoom=1.0, turn_deg=0.0, shift_ratio=0.0, flips=False, gain=1.0)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


class Fixed:
    """A generator that always mirrors and never moves."""

    def uniform(self, low, high, n):
        return np.zeros(n)

    def random(self, n):
        return np.zeros(n)


def test_nothing_asked_changes_nothing(image):
    images = np.stack([image, image[::-1]])
    np.testing.assert_array_equal(augment(images, STILL, np.random.default_rng(0)), images)


def test_a_photo_is_mirrored_and_a_figure_never(image):
    images = np.stack([image, image])
    mirrored = augment(images, AUGMENTATIONS["photo"], Fixed())
    np.testing.assert_array_equal(mirrored, images[:, :, ::-1])
    np.testing.assert_array_equal(augment(images, AUGMENTATIONS["figure"], Fixed()), images)


def test_each_image_of_a_batch_gets_a_view_of_its_own(image):
    images = np.stack([image, image])
    first, second = augment(images, AUGMENTATIONS["photo"], np.random.default_rng(0))
    assert not np.array_equal(first, second)


def test_views_are_drawn_from_the_seed_alone(image):
    images = ArrayImages([image, image])
    a, b, other = (
        AugmentedImages(images, "photo", side_px=32, seed=seed, view=1) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(a.read([1])[0], b.read([0, 1])[1])
    assert a.read([0])[0].shape == (32, 32, 3)
    assert not np.array_equal(a.read([0])[0], a.read([1])[0])
    assert not np.array_equal(a.read([0])[0], other.read([0])[0])
    assert a.fingerprint(0) == b.fingerprint(0)
    assert (
        len({a.fingerprint(0), a.fingerprint(1), other.fingerprint(0), images.fingerprint(0)}) == 4
    )


def test_small_gray_pictures_are_figures_and_the_rest_are_photos(image):
    gray = [image[:, :, 0]] * 3
    assert choose_augmentation("auto", ArrayImages(gray)) == "figure"
    assert choose_augmentation("auto", ArrayImages([*gray, image])) == "photo"
    assert choose_augmentation("auto", ArrayImages([np.zeros((80, 20), np.uint8)])) == "photo"
    assert choose_augmentation("photo", ArrayImages(gray)) == "photo"
    with pytest.raises(ParameterError, match="no augmentation is named 'strong'"):
        choose_augmentation("strong", ArrayImages(gray))
