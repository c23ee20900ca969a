"""What holds for every simulated defect, whatever the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.domain import ArrayImages
from defectory.simulation import KINDS, AnomalySimulator, ImageTextures, find_foreground

_TEXTURES = ImageTextures(
    ArrayImages(list(np.random.default_rng(9).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8)))
)
_SIDES = st.one_of(st.sampled_from([1, 2, 3, 8]), st.integers(1, 70))


def _image(h, w, look, seed):
    rng = np.random.default_rng(seed)
    if look == "flat":
        return np.full((h, w, 3), rng.integers(256), np.uint8)
    if look == "noise":
        return rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    y, x = np.mgrid[:h, :w]
    disc = np.hypot(y - h / 2, x - w / 2) < min(h, w) / 3
    return np.repeat(np.where(disc, 180, 20).astype(np.uint8)[:, :, None], 3, axis=2)


_images = st.builds(
    _image, _SIDES, _SIDES, st.sampled_from(["flat", "noise", "disc"]), st.integers(0, 99)
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(image=_images, seed=st.integers(0, 2**32 - 1))
def test_the_mask_is_where_the_image_changed_and_nothing_else_did(kind, image, seed):
    simulator = AnomalySimulator(textures=_TEXTURES, mix={kind: 1})
    before = image.copy()
    result = simulator.simulate(image, np.random.default_rng(seed))
    np.testing.assert_array_equal(image, before)
    assert result.image.shape == image.shape
    assert result.image.dtype == np.uint8
    assert result.mask.shape == image.shape[:2]
    assert result.mask.any()
    np.testing.assert_array_equal(result.image[~result.mask], image[~result.mask])
    assert (result.image != image).any()
    assert not (result.mask & ~find_foreground(image)).any()
    assert 0.15 <= result.opacity <= 1
    assert result.kind in (kind, "spot")


@settings(max_examples=40)
@given(image=_images, seed=st.integers(0, 2**32 - 1))
def test_the_same_generator_gives_the_same_defect(image, seed):
    global_state = np.random.get_state()[1].copy()  # noqa: NPY002
    simulator = AnomalySimulator(textures=_TEXTURES, mix="all", partners=_TEXTURES)
    first, second = (simulator.simulate(image, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)
    assert (first.kind, first.opacity) == (second.kind, second.opacity)
    np.testing.assert_array_equal(np.random.get_state()[1], global_state)  # noqa: NPY002
