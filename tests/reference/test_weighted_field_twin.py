"""The weighted field against twins that fit again and again: float64, one cell, one image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.moments import RunningMoments
from defectory.domain import DataError
from tests.reference.field_twins import slow_distance

P = 3
SHRINKAGE = 0.02
FLOAT32 = 5e-4
"""Relative; of distances, after float32 moments."""


def _samples(n_images, b, d, seed=0):
    """(p, i, b, d) float32: far from zero, variances over two orders, correlated."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(P, 1, d, d)) / np.sqrt(d) * np.geomspace(1, 0.1, d)[:, None]
    return (rng.normal(size=(P, n_images, b, d)) @ mix + 5).astype(np.float32)


def _weights(n_images, least=0.0, seed=0):
    """(p, i) float32; two images of each cell have the ends of the range."""
    found = np.random.default_rng(seed).uniform(least, 1, (P, n_images)).astype(np.float32)
    found[:, :2] = least, 1
    return found


def _each(weights, b):
    """(p, i, b): an image's weight for each of its samples."""
    return np.repeat(weights[:, :, None], b, axis=2)


def _running(samples, weights, per_block=8):
    running = RunningMoments()
    b, d = samples.shape[2:]
    for start in range(0, samples.shape[1], per_block):
        part = samples[:, start : start + per_block].reshape(P, -1, d)
        own = np.repeat(weights[:, start : start + per_block], b, axis=1)
        running.add(part, own)
    return running


def _field(samples, weights, per_block=8):
    return GaussianField.of(_running(samples, weights, per_block).moments(), SHRINKAGE)


def _slow_moments(samples, weights):
    """Return (mean, covariance) of (n, d) samples of (n,) weights."""
    covariance = np.cov(samples.T, aweights=weights, bias=True)
    return np.average(samples, axis=0, weights=weights), covariance


def _slow_field(samples, weights):
    mean, covariance = _slow_moments(samples, weights)
    target = np.trace(covariance) / len(mean) * np.eye(len(mean))
    return mean, (1 - SHRINKAGE) * covariance + SHRINKAGE * target


def _slow_leave_groups_out(images, weights, groups):
    """Return (i, b) distances of (i, b, d) images of one cell, each by a field without its group.

    The shrinkage target is that of all images: level * n / rest, the same total for less weight.
    """
    n_images, b, d = images.shape
    _, everything = _slow_moments(images.reshape(-1, d), np.repeat(weights, b))
    found = np.empty((n_images, b))
    for i in range(n_images):
        is_rest = groups != groups[i]
        rest, own = images[is_rest].reshape(-1, d), weights[is_rest]
        mean, covariance = _slow_moments(rest, np.repeat(own, b))
        target = np.trace(everything) / d * weights.sum() / own.sum() * np.eye(d)
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * target
        found[i] = [slow_distance(sample, mean, shrunk) for sample in images[i]]
    return found


@pytest.mark.parametrize("b", [1, 4])
@pytest.mark.parametrize(("n_images", "d"), [(300, 12), (40, 30), (5, 5)])
def test_means_and_distances(n_images, d, b):
    samples, weights = _samples(n_images, b, d), _weights(n_images)
    field = _field(samples, weights)
    np.testing.assert_allclose(field.n_samples, b * weights.sum(axis=1), rtol=1e-5)
    new = _samples(6, 1, d, seed=1)[:, :, 0]
    found = field.distances(new)
    for cell in range(P):
        every = np.repeat(weights[cell].astype(float), b)
        mean, covariance = _slow_field(samples[cell].reshape(-1, d).astype(float), every)
        np.testing.assert_allclose(field.means[cell], mean, rtol=1e-5)
        truth = [slow_distance(sample, mean, covariance) for sample in new[cell]]
        np.testing.assert_allclose(found[cell], truth, rtol=FLOAT32)


@pytest.mark.parametrize("b", [1, 4])
@pytest.mark.parametrize(("n_images", "d"), [(3, 8), (5, 40), (40, 40), (100, 8)])
def test_leave_one_out_equals_fitting_without_the_image(n_images, d, b):
    """Within 1 %; a handful of images in many dimensions is what loses most."""
    samples, weights = _samples(n_images, b, d), _weights(n_images, least=0.1)
    found = _field(samples, weights).leave_one_out(samples, _each(weights, b))
    assert found.shape == (P, n_images, b)
    assert found.dtype == np.float32
    for cell in range(P):
        images, own = samples[cell].astype(float), weights[cell].astype(float)
        truth = _slow_leave_groups_out(images, own, np.arange(n_images))
        np.testing.assert_allclose(found[cell], truth, rtol=0.01)


def _groups(n_images, seed=0):
    """Groups of one to five images, scattered, of any numbers."""
    rng = np.random.default_rng(seed)
    sizes = 1 + np.arange(n_images) % 5
    numbers = 100 - 7 * np.repeat(np.arange(n_images), sizes)[:n_images]
    return rng.permutation(numbers)


@pytest.mark.parametrize("has_weights", [False, True])
@pytest.mark.parametrize("b", [1, 4])
@pytest.mark.parametrize(("n_images", "d"), [(7, 8), (8, 40), (40, 40), (100, 8)])
def test_leave_groups_out_equals_fitting_without_the_group(n_images, d, b, has_weights):
    samples, groups = _samples(n_images, b, d), _groups(n_images)
    weights = _weights(n_images, least=0.1) if has_weights else np.ones((P, n_images), np.float32)
    field = _field(samples, weights)
    found = field.leave_groups_out(samples, groups, weights if has_weights else None)
    assert found.shape == (P, n_images, b)
    assert found.dtype == np.float32
    for cell in range(P):
        images, own = samples[cell].astype(float), weights[cell].astype(float)
        truth = _slow_leave_groups_out(images, own, groups)
        np.testing.assert_allclose(found[cell], truth, rtol=0.01)
    alone = field.leave_one_out(samples, _each(weights, b))
    assert np.abs(found / alone - 1).max() > 0.02


def test_groups_of_one_image_each_are_left_out_one_by_one():
    samples, weights = _samples(9, 2, 6), _weights(9, least=0.1)
    field = _field(samples, weights)
    numbers = np.array([5, 3, 8, 0, 2, 9, 7, 1, 4])
    np.testing.assert_array_equal(
        field.leave_groups_out(samples, numbers, weights),
        field.leave_one_out(samples, _each(weights, 2)),
    )
    np.testing.assert_array_equal(
        field.leave_groups_out(samples, numbers), field.leave_one_out(samples)
    )


@pytest.mark.parametrize("d", [3, 20])
def test_samples_of_an_image_may_differ_in_weight(d):
    """As one image of three samples; the first has no say, and is as far as if it were new."""
    samples = _samples(10, 3, d)
    weights = np.random.default_rng(1).uniform(0.1, 1, (P, 10, 3)).astype(np.float32)
    weights[:, 0, 0] = 0
    running = RunningMoments()
    running.add(samples.reshape(P, 30, d), weights.reshape(P, 30))
    found = GaussianField.of(running.moments(), SHRINKAGE).leave_one_out(samples, weights)
    for cell in range(P):
        images, own = samples[cell].astype(float), weights[cell].astype(float)
        truth = _slow_leave_groups_out(
            images.reshape(30, 1, d), own.ravel(), np.repeat(np.arange(10), 3)
        )
        np.testing.assert_allclose(found[cell].ravel(), truth.ravel(), rtol=0.01)


def test_a_group_that_is_all_there_was_cannot_be_left_out():
    samples, weights = _samples(4, 2, 6), np.ones((P, 4), np.float32)
    field = _field(samples, weights)
    with pytest.raises(DataError, match="at least two"):
        field.leave_groups_out(samples, np.zeros(4, np.int64))


def test_an_image_without_say_is_as_far_as_if_it_were_new():
    samples, weights = _samples(30, 2, 6), _weights(30)
    field = _field(samples, weights)
    found = field.leave_one_out(samples, _each(weights, 2))[:, 0]
    assert (weights[:, 0] == 0).all()
    np.testing.assert_allclose(found, field.distances(samples[:, 0]), rtol=1e-5)


def test_leave_one_out_in_batches_is_the_same():
    samples, weights = _samples(9, 4, 6), _weights(9, least=0.1)
    field, own = _field(samples, weights, per_block=2), _each(weights, 4)
    parts = [field.leave_one_out(samples[:, i : i + 2], own[:, i : i + 2]) for i in range(0, 9, 2)]
    together = field.leave_one_out(samples, own)
    np.testing.assert_allclose(np.concatenate(parts, 1), together, rtol=1e-4)


def test_an_image_that_has_all_the_say_cannot_be_left_out():
    samples, weights = _samples(3, 4, 6), np.zeros((P, 3), np.float32)
    weights[:, 1] = 1
    field = _field(samples, weights)
    with pytest.raises(DataError, match="at least two"):
        field.leave_one_out(samples, _each(weights, 4))


def test_the_spread_of_channels_is_the_mean_over_cells():
    samples, weights = _samples(70, 1, 5), _weights(70)
    moments = [_slow_moments(samples[c, :, 0].astype(float), weights[c]) for c in range(P)]
    pooled = np.mean([covariance for _, covariance in moments], axis=0)
    found = _running(samples, weights).moments().channel_spread()
    np.testing.assert_allclose(found, np.sqrt(np.diag(pooled)), rtol=1e-3)
    with pytest.raises(DataError, match="no image"):
        RunningMoments().moments().channel_spread()


@pytest.mark.parametrize("n_plain", [5, 64, 80])
def test_what_was_added_without_weights_has_weight_1(n_plain):
    """In the same block of samples as what has weights, and in another."""
    samples, weights = _samples(100, 1, 4)[:, :, 0], _weights(100)
    weights[:, :n_plain] = 1
    mixed, weighted = RunningMoments(), RunningMoments()
    mixed.add(samples[:, :n_plain])
    mixed.add(samples[:, n_plain:], weights[:, n_plain:])
    weighted.add(samples, weights)
    new = _samples(5, 1, 4, seed=1)[:, :, 0]
    found, expected = (GaussianField.of(each.moments(), SHRINKAGE) for each in (mixed, weighted))
    np.testing.assert_allclose(found.distances(new), expected.distances(new), rtol=1e-3)
    np.testing.assert_allclose(found.n_samples, expected.n_samples, rtol=1e-5)


WEIGHTS = st.lists(st.floats(0.0625, 1, width=32), min_size=12, max_size=12)


@settings(max_examples=25)
@given(WEIGHTS, st.floats(0.125, 1))
def test_only_shares_of_the_say_make_the_field(weights, scale):
    samples, own = _samples(12, 1, 4), np.tile(np.array(weights, np.float32), (P, 1))
    new = _samples(5, 1, 4, seed=1)[:, :, 0]
    found = _field(samples, np.float32(scale) * own)
    expected = _field(samples, own)
    np.testing.assert_allclose(found.distances(new), expected.distances(new), rtol=2e-3)


@settings(max_examples=25)
@given(WEIGHTS)
def test_an_image_is_farther_from_the_others_than_from_all_and_the_more_its_say(weights):
    samples, own = _samples(12, 1, 4), np.tile(np.array(weights, np.float32), (P, 1))
    field = _field(samples, own)
    left_out = field.leave_one_out(samples, own[..., None])[..., 0]
    assert (left_out >= 0.999 * field.distances(samples[:, :, 0])).all()
    assert (field.leave_one_out(samples, own[..., None] / 2)[..., 0] <= 1.001 * left_out).all()
