"""The map of `gaussian`: what its parts are compared with."""

from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors.gaussian import Gaussian
from defectory.domain import ArrayImages


def _striped(rng, n):
    """Brushed parts: each column has its own gray, drawn anew for each image."""
    columns = rng.normal(110, 25, (n, 1, 16, 1))
    pixels = np.repeat(columns, 8, axis=2) + rng.normal(0, 6, (n, 128, 128, 1))
    return np.repeat(pixels.clip(0, 255), 3, axis=3).astype(np.uint8)


@pytest.mark.parametrize("n_tiles", [1, 2])
def test_an_image_left_out_is_compared_with_the_mean_of_the_others(n_tiles):
    images = ArrayImages(_striped(np.random.default_rng(2), 6))
    whole = Gaussian(size_px=64, n_tiles=n_tiles).fit(images)
    features = list(whole.backbone_.extract(images, whole.view))
    whole = whole.normality_
    samples = whole.sample(features).cells
    others = samples[:, 1:].mean(axis=(1, 2))
    away = (samples[:, 0] - others[:, None]) / whole.channel_spread_
    found = whole.measure_left_out(whole.sample(features), np.arange(6)).means[:, 0]
    np.testing.assert_allclose(found, np.linalg.norm(away, axis=-1), rtol=2e-2)


def test_a_group_left_out_is_compared_with_the_mean_of_the_others():
    images = ArrayImages(_striped(np.random.default_rng(2), 7))
    whole = Gaussian(size_px=64).fit(images)
    features = list(whole.backbone_.extract(images, whole.view))
    whole, groups = whole.normality_, np.array([4, 4, 2, 0, 2, 2, 1])
    samples = whole.sample(features).cells
    found = whole.measure_left_out(whole.sample(features), groups).means
    for i, group in enumerate(groups):
        others = samples[:, groups != group].mean(axis=(1, 2))
        away = (samples[:, i] - others[:, None]) / whole.channel_spread_
        np.testing.assert_allclose(found[:, i], np.linalg.norm(away, axis=-1), rtol=2e-2)


def test_a_normal_left_out_has_1_in_each_part_on_average():
    images = ArrayImages(_striped(np.random.default_rng(3), 12))
    whole = Gaussian(size_px=64, blur_px=0.01).fit(images)
    features = list(whole.backbone_.extract(images, whole.view))
    whole = whole.normality_
    measured = whole.measure_left_out(whole.sample(features), np.arange(12))
    measured = replace(measured, lines=np.zeros_like(measured.lines))
    assert measured.means.mean() / whole.map_units_[0] == pytest.approx(1, rel=1e-3)
    maps = whole.map_cells(measured)
    assert maps.mean() == pytest.approx(1, rel=1e-3)
