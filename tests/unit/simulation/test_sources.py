"""Perlin masks, structural source and colors."""

import numpy as np
import pytest

from defectory.simulation import perlin_mask
from defectory.simulation.recoloring import apply_affine, color_matrix, random_shift
from defectory.simulation.structural import disturbed, shuffled, structural_source
from tests.pictures import disc


def test_perlin_masks_cover_little_and_differ_in_scale():
    rng = np.random.default_rng(0)
    masks = [perlin_mask((96, 96), rng) for _ in range(80)]
    covered = np.array([mask.mean() for mask in masks])
    assert 0.02 < covered.mean() < 0.15
    edges = np.array([np.diff(mask, axis=1).sum() for mask in masks if mask.any()])
    assert edges.max() > 10 * edges.min()


def test_turned_masks_reach_the_corners():
    rng = np.random.default_rng(0)
    counts = sum(perlin_mask((64, 64), rng).astype(int) for _ in range(600))
    corners = counts[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 0.4 * counts.mean()


def test_shuffling_moves_whole_cells():
    image = np.arange(8 * 16 * 3, dtype=np.uint16).reshape(8, 16, 3)
    moved = shuffled(image, (4, 8), np.random.default_rng(0))
    assert not np.array_equal(moved, image)
    cells = {image[y : y + 2, x : x + 2].tobytes() for y in range(0, 8, 2) for x in range(0, 16, 2)}
    found = {moved[y : y + 2, x : x + 2].tobytes() for y in range(0, 8, 2) for x in range(0, 16, 2)}
    assert found == cells


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 5), (37, 61)])
def test_the_structural_source_has_the_size_of_the_image(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert structural_source(image, (4, 8), np.random.default_rng(1)).shape == image.shape


def test_turning_leaves_no_empty_corner():
    image = np.full((40, 60, 3), 100, np.uint8)
    for seed in range(20):
        turned = disturbed(image, (40, 60), np.random.default_rng(seed))
        assert turned.min() >= 69
        assert np.ptp(turned) == 0


def test_hues_turn_about_the_gray_axis():
    image = disc(np.random.default_rng(0), 32)
    np.testing.assert_array_equal(apply_affine(image, color_matrix(0, 1), 0), image)
    red = np.array([[[200, 20, 20]]], np.uint8)
    turned = apply_affine(red, color_matrix(2 * np.pi / 3, 1), 0)
    assert sorted(turned[0, 0].tolist()) == [20, 20, 200]
    assert turned[0, 0, 0] == 20
    assert np.ptp(apply_affine(red, color_matrix(1.0, 0), 0)) <= 1


def test_gray_images_stay_gray():
    gray = np.repeat(disc(np.random.default_rng(0), 32)[:, :, :1], 3, axis=2)
    shifted = random_shift(gray, np.random.default_rng(3))
    assert np.ptp(shifted.astype(int), axis=2).max() <= 1
