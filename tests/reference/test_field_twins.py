"""The streamed field and its leave-one-out formula against twins that fit again and again."""

import numpy as np
import pytest

from defectory.detectors.gaussian_field import GaussianField, inverse_triangle
from defectory.detectors.moments import RunningMoments
from defectory.domain import DataError
from tests.reference.field_twins import slow_distance, slow_field, slow_leave_one_out

P = 3
FLOAT32 = 2e-4
"""Relative; of distances, after float32 moments."""
FLOAT16 = 2e-3
"""Relative; after the whitening was rounded to float16."""


def _samples(n_images, b, d, seed=0):
    """(p, i, b, d) float32: far from zero, variances over four orders, correlated."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(P, 1, d, d)) / np.sqrt(d) * np.geomspace(1, 0.1, d)[:, None]
    return (rng.normal(size=(P, n_images, b, d)) @ mix + 5).astype(np.float32)


def _fit(samples, shrinkage, per_block):
    running = RunningMoments()
    for start in range(0, samples.shape[1], per_block):
        part = samples[:, start : start + per_block]
        running.add(part.reshape(P, -1, samples.shape[-1]))
    return GaussianField.of(running.moments(), shrinkage)


@pytest.mark.parametrize(("n_images", "d"), [(300, 12), (40, 64), (2, 5), (64, 7), (65, 7)])
@pytest.mark.parametrize("shrinkage", [0.02, 1.0])
def test_means_whitening_and_distances(n_images, d, shrinkage):
    samples = _samples(n_images, 1, d)
    field = _fit(samples, shrinkage, per_block=8)
    assert field.n_samples == n_images
    new = _samples(6, 1, d, seed=1)[:, :, 0]
    exact = field.distances(new)
    field.round()
    rounded = field.distances(new)
    for cell in range(P):
        mean, covariance = slow_field(samples[cell, :, 0].astype(float), shrinkage)
        np.testing.assert_allclose(field.means[cell], mean, rtol=1e-5)
        truth = [slow_distance(sample, mean, covariance) for sample in new[cell]]
        np.testing.assert_allclose(exact[cell], truth, rtol=FLOAT32)
        np.testing.assert_allclose(rounded[cell], truth, rtol=FLOAT16)
        white = field.whitening[cell].astype(float)
        assert (white == np.tril(white)).all()
        np.testing.assert_allclose(white @ covariance @ white.T, np.eye(d), atol=0.01)


@pytest.mark.parametrize("b", [1, 4])
@pytest.mark.parametrize(("n_images", "d"), [(2, 8), (5, 8), (5, 60), (12, 60), (40, 60), (200, 8)])
def test_leave_one_out_equals_fitting_without_the_image(n_images, d, b):
    """Within 1 %; a handful of images in many dimensions is what loses most."""
    samples = _samples(n_images, b, d)
    found = _fit(samples, 0.02, per_block=8).leave_one_out(samples)
    assert found.shape == (P, n_images, b)
    for cell in range(P):
        truth = slow_leave_one_out(samples[cell].astype(float), 0.02)
        np.testing.assert_allclose(found[cell], truth, rtol=0.01)


def test_leave_one_out_in_batches_is_the_same():
    samples = _samples(9, 4, 6)
    field = _fit(samples, 0.02, per_block=2)
    parts = [field.leave_one_out(samples[:, i : i + 2]) for i in range(0, 9, 2)]
    np.testing.assert_allclose(np.concatenate(parts, 1), field.leave_one_out(samples), rtol=1e-4)


def test_one_image_cannot_be_left_out():
    samples = _samples(1, 4, 6)
    with pytest.raises(DataError, match="at least two"):
        _fit(samples, 0.02, per_block=1).leave_one_out(samples)


def test_nothing_added_is_an_error():
    with pytest.raises(DataError, match="no image"):
        RunningMoments().moments()


def test_a_rounded_field_survives_storage_exactly():
    field = _fit(_samples(20, 1, 9), 0.02, per_block=8)
    field.round()
    again = type(field).from_arrays(**field.arrays(), n_samples=20, shrinkage=0.02)
    np.testing.assert_array_equal(again.whitening, field.whitening)
    np.testing.assert_array_equal(again.means, field.means)
    with pytest.raises(ValueError, match="do not fit"):
        type(field).from_arrays(field.means[:, :-1], field.arrays()["triangles"], 20, 0.02)


def test_features_that_never_change_give_finite_distances():
    samples = np.full((P, 4, 1, 5), 7, np.float32)
    field = _fit(samples, 0.02, per_block=4)
    np.testing.assert_allclose(field.leave_one_out(samples), 0, atol=1e-4)
    field.round()
    assert np.isfinite(field.distances(samples[:, :, 0] + 1)).all()


def test_the_spread_of_channels_is_that_around_each_cells_mean():
    samples = _samples(70, 1, 5)[:, :, 0]
    running = RunningMoments()
    for start in range(0, 70, 8):
        running.add(samples[:, start : start + 8])
    expected = np.sqrt(samples.astype(float).var(axis=1).mean(axis=0))
    np.testing.assert_allclose(running.moments().channel_spread(), expected, rtol=1e-4)
    with pytest.raises(DataError, match="no image"):
        RunningMoments().moments().channel_spread()


@pytest.mark.parametrize("d", [1, 2, 63, 64, 65, 129, 384])
def test_a_triangle_is_inverted_as_by_numpy(d):
    samples = np.random.default_rng(d).normal(size=(d, 2 * d))
    factor = np.linalg.cholesky(samples @ samples.T / d + 0.02 * np.eye(d))
    found = inverse_triangle(factor)
    np.testing.assert_allclose(found, np.linalg.inv(factor), atol=1e-12 * np.abs(found).max())
    assert not np.triu(found, 1).any()
