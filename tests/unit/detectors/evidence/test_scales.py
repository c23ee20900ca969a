"""Distances on one scale, that of normals left out."""

import numpy as np
import pytest

from defectory.detectors.evidence import scales as module
from defectory.detectors.evidence.scales import IMAGE_WEIGHT
from tests.unit.detectors.evidence.fake_features import features, learned, standardized

N = 40
LISTED = features(N)


def test_scales_are_those_of_each_place_where_normals_are_many():
    rng = np.random.default_rng(0)
    values = (2 + rng.normal(size=(20_000, 3)) * [1, 2, 4] + [0, 5, 10]).astype(np.float32)
    found = module._scale_of_each(values, np.ones(20_000, np.float32))
    np.testing.assert_allclose(found, [[2, 7, 12], [1, 2, 4]], rtol=0.03)


def test_scales_lean_on_all_places_where_normals_are_few():
    values = np.array([[1, 10], [3, 18]], np.float32)
    own = 2 / 32
    (first, second), spreads = module._scale_of_each(values, np.ones(2, np.float32))
    np.testing.assert_allclose([first, second], [8 - own * 6, 8 + own * 6], rtol=1e-5)
    np.testing.assert_allclose(np.square(spreads), [8.5 - own * 7.5, 8.5 + own * 7.5], rtol=1e-5)


def test_normals_of_no_weight_do_not_move_scales():
    values = np.array([[1, 10], [3, 18], [900, 900]], np.float32)
    weights = np.array([1, 1, 0], np.float32)
    np.testing.assert_array_equal(
        module._scale_of_each(values, weights), module._scale_of_each(values[:2], weights[:2])
    )


def test_an_image_without_say_does_not_move_any_scale():
    normality = learned(LISTED)
    measured = normality.measure_left_out(normality.sample(LISTED), np.arange(N))
    say = np.ones(N, np.float32)
    say[[3, 8]] = 0
    scales = []
    for factor in (1, 50):
        for values in (measured.places, measured.patches, measured.image):
            values[[3, 8]] *= factor
        normality.standardize(measured, say)
        found = normality.scales_
        scales.append((found.place, found.patch, found.part))
        assert normality.scales_.place_weight[0] == pytest.approx(38 / 138)
    for before, after in zip(*scales, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-5)


def test_gaussians_count_less_where_few_images_told_them():
    few, many = (standardized(features(n))[0].scales_.place_weight[0] for n in (10, 150))
    assert (few, many) == (pytest.approx(1 / 11), pytest.approx(3 / 5))
    normality, measured = standardized(LISTED)
    by_place, by_patch = normality.standardized_parts(measured)
    np.testing.assert_allclose(
        normality.standardized_places(measured),
        40 / 140 * by_place + by_patch,
        rtol=1e-5,
        atol=1e-5,
    )


def test_scores_of_normals_left_out_have_no_mean_and_unit_parts(monkeypatch):
    monkeypatch.setattr(module, "IMAGE_WEIGHT", 0.0)
    alone, measured = standardized(LISTED)
    scores = alone.image_scores(measured)
    assert scores.mean() == pytest.approx(0, abs=1e-4)
    assert scores.std() == pytest.approx(1, rel=1e-4)
    monkeypatch.setattr(module, "IMAGE_WEIGHT", 0.5)
    both, again = standardized(LISTED)
    image = (measured.image - measured.image.mean()) / measured.image.std()
    np.testing.assert_allclose(both.image_scores(again), scores + 0.5 * image, atol=1e-3)


def test_a_score_is_that_of_the_two_oddest_places():
    normality, measured = standardized(LISTED)
    highest = np.sort(normality.standardized_places(measured), axis=1)[:, -2:].mean(axis=1)
    center, spread = normality.scales_.part
    parts = (highest - center[0]) / spread[0], (measured.image - center[1]) / spread[1]
    expected = parts[0] + IMAGE_WEIGHT * parts[1]
    np.testing.assert_allclose(normality.image_scores(measured), expected, rtol=1e-5, atol=1e-5)


def test_a_collection_is_seen_by_the_five_oddest_places_on_a_scale_of_its_own():
    normality, measured = standardized(LISTED)
    highest = np.sort(normality.standardized_places(measured), axis=1)[:, -5:].mean(axis=1)
    parts = ((part - part.mean()) / part.std() for part in (highest, measured.image))
    expected = next(parts) + IMAGE_WEIGHT * next(parts)
    np.testing.assert_allclose(normality.scores_within(measured), expected, rtol=1e-4, atol=1e-4)
