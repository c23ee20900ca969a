"""Projection and reading: whitened, robust, and honest about what was not seen."""

import numpy as np
import pytest

from defectory.detectors.contrast.projection import Projection, pool_grids
from defectory.detectors.contrast.reading import Reading


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_projection_turns_to_the_directions_of_most_spread(rng):
    hidden = rng.normal(size=(400, 3)) * [9, 6, 4]
    mixing, _ = np.linalg.qr(rng.normal(size=(40, 40)))
    samples = (hidden @ mixing[:3] + 0.01 * rng.normal(size=(400, 40)) + 5).astype(np.float32)
    projection = Projection.fit(samples, 3, rng)
    found = projection(samples)
    assert found.shape == (400, 4)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    assert found.var(axis=0).mean() == pytest.approx(1, abs=1e-3)
    assert found.std(axis=0)[0] > 1.2 * found.std(axis=0)[1] > 1.2**2 * found.std(axis=0)[2]
    np.testing.assert_allclose(projection.axes.T @ projection.axes, np.eye(3), atol=1e-4)
    explained = np.linalg.norm((samples - projection.mean) / projection.scale @ projection.axes)
    assert explained > 0.99 * np.linalg.norm((samples - projection.mean) / projection.scale)


def test_what_no_direction_shows_is_left_over(rng):
    samples = rng.normal(size=(100, 50)).astype(np.float32)
    samples[:, 10:] *= 0.01
    projection = Projection.fit(samples, 8, rng)
    odd = samples[:1].copy()
    odd[0, 30] += 5
    usual = projection(samples)[:, -1]
    assert projection(odd)[0, -1] - usual.max() > 10 * usual.std()


def test_few_samples_give_few_directions(rng):
    for n, n_dims in ((2, 1), (8, 2), (40, 10), (400, 20)):
        samples = rng.normal(size=(n, 60)).astype(np.float32)
        assert Projection.fit(samples, 20, rng).axes.shape == (60, n_dims)


def test_projection_comes_back_from_its_arrays(rng):
    samples = rng.normal(size=(30, 12)).astype(np.float32)
    projection = Projection.fit(samples, 4, rng)
    again = Projection.from_arrays(projection.arrays())
    np.testing.assert_array_equal(again(samples), projection(samples))


@pytest.mark.parametrize("side", [1, 2, 3, 6, 7])
def test_grids_of_any_size_are_averaged_onto_cells(rng, side):
    grid = rng.normal(size=(6, 6, 2)).astype(np.float32)
    pooled = pool_grids({"a": grid, "b": grid[:3, :3]}, side)
    assert pooled.shape == (side * side * 4,)
    if side == 3:
        expected = grid.reshape(3, 2, 3, 2, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(pooled[:18], expected.ravel(), rtol=1e-5)
        np.testing.assert_array_equal(pooled[18:], grid[:3, :3].ravel())


def test_outliers_do_not_hide_themselves(rng):
    """A tenth of the images in one odd clump: untrimmed, their own covariance swallows them."""
    normal = rng.normal(size=(450, 8)) * np.linspace(1, 4, 8)
    odd = 8 + 0.3 * rng.normal(size=(50, 8))
    features = np.concatenate([normal, odd]).astype(np.float32)
    shares = np.ones((500, 1), np.float32)
    trimmed = Reading.fit(features, shares, 0.3).distances(features, shares)
    plain = Reading.fit(features, shares, 0.0).distances(features, shares)
    assert trimmed[450:].min() > np.quantile(trimmed[:450], 0.99)
    assert plain[450:].max() < np.quantile(plain[:450], 0.99)


def test_several_kinds_are_read_from_several_slots(rng):
    kinds = rng.integers(0, 2, 300)
    features = (rng.normal(size=(300, 4)) + 20 * kinds[:, None]).astype(np.float32)
    shares = np.eye(2, dtype=np.float32)[kinds]
    reading = Reading.fit(features, shares, 0.1)
    between = np.full((1, 4), 10, np.float32)
    for slot in range(2):
        odd = reading.distances(between, np.eye(2, dtype=np.float32)[[slot]])
        assert odd > 5 * reading.distances(features, shares).max() / 3
    one = np.ones((300, 1), np.float32)
    alone = Reading.fit(features, one, 0.1)
    assert alone.distances(between, one[:1])[0] < np.median(alone.distances(features, one))


def test_without_whitening_distances_are_plain(rng):
    features = (rng.normal(size=(50, 3)) * [1, 1, 9]).astype(np.float32)
    one = np.ones((50, 1), np.float32)
    reading = Reading.fit(features, one, 0.0, whiten=False)
    plain = np.linalg.norm(features - features.mean(axis=0), axis=1)
    found = reading.distances(features, one)
    np.testing.assert_allclose(found / found.mean(), plain / plain.mean(), rtol=1e-4)


def test_equal_images_give_finite_distances():
    features, one = np.ones((6, 3), np.float32), np.ones((6, 1), np.float32)
    assert np.isfinite(Reading.fit(features, one, 0.2).distances(features + 1, one)).all()
