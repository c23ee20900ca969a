import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from defectory.domain import ArrayImages, DataError, MissingExtraError, ParameterError
from defectory.simulation import ImageTextures, photograph_textures, product_textures


class CountingImages(ArrayImages):
    def __init__(self, images):
        super().__init__(images)
        self.read_at = []

    def read(self, indices):
        self.read_at += indices
        return super().read(indices)


@pytest.fixture
def images():
    return CountingImages(
        list(np.random.default_rng(0).integers(0, 256, (20, 12, 17, 3), np.uint8))
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (31, 7), (64, 64)])
def test_a_sample_has_the_shape_asked_for(images, shape):
    for make in (ImageTextures, product_textures):
        texture = make(images).sample(shape, np.random.default_rng(0))
        assert texture.shape == (*shape, 3)
        assert texture.dtype == np.uint8


def test_images_are_read_late_and_once(images):
    textures = ImageTextures(images, n_images=5)
    assert images.read_at == []
    rng = np.random.default_rng(0)
    for _ in range(60):
        textures.sample((8, 8), rng)
    assert sorted(images.read_at) == [0, 4, 8, 12, 16]


def test_a_sample_does_not_depend_on_those_before(images):
    used, fresh = ImageTextures(images), ImageTextures(images)
    used.sample((8, 8), np.random.default_rng(5))
    first = used.sample((8, 8), np.random.default_rng(6))
    np.testing.assert_array_equal(first, fresh.sample((8, 8), np.random.default_rng(6)))


def test_own_patches_keep_their_colors_and_others_do_not():
    green = ArrayImages([np.full((20, 20, 3), (10, 200, 10), np.uint8)])
    rng = np.random.default_rng(0)
    assert (product_textures(green).sample((8, 8), rng) == (10, 200, 10)).all()
    assert len({tuple(ImageTextures(green).sample((1, 1), rng)[0, 0]) for _ in range(20)}) > 10


def test_photographs_come_with_scikit_image_and_import_none_of_it():
    code = (
        "import sys, numpy as np; from defectory.simulation import photograph_textures;"
        "t = photograph_textures().sample((64, 64), np.random.default_rng(0));"
        "assert t.std() > 1; assert 'skimage' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    rng = np.random.default_rng(0)
    assert all(photograph_textures().sample((32, 32), rng).shape == (32, 32, 3) for _ in range(3))


def test_without_scikit_image_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"defectory\[train\]"):
        photograph_textures().sample((8, 8), np.random.default_rng(0))


def test_bad_settings_and_empty_sources_are_refused(images):
    for settings in ({"crop_ratio": (0, 1)}, {"crop_ratio": (0.9, 0.5)}, {"n_images": 0}):
        with pytest.raises(ParameterError):
            ImageTextures(images, **settings)
    with pytest.raises(DataError, match="no images"):
        ImageTextures(ArrayImages([])).sample((8, 8), np.random.default_rng(0))
