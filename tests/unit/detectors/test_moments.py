"""Moments of parts add up to those of the whole, however it is cut."""

import tracemalloc
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.moments import Moments, RunningMoments, moments_of

P, D = 3, 4


def _samples(n: int, offset: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (offset + rng.normal(size=(P, n, D)) * np.arange(1, D + 1)).astype(np.float32)


def _moments(samples: np.ndarray, weights: np.ndarray | None = None) -> Moments:
    running = RunningMoments()
    running.add(samples, weights)
    return running.moments()


@settings(max_examples=30)
@given(
    cuts=st.lists(st.integers(1, 89), min_size=0, max_size=6, unique=True),
    offset=st.sampled_from([0.0, 100.0, -3e4]),
    is_weighted=st.booleans(),
)
def test_any_parts_add_up(cuts, offset, is_weighted):
    samples = _samples(90, offset)
    weights = np.random.default_rng(1).uniform(0.1, 1, (P, 90)).astype(np.float32)
    own = weights if is_weighted else None
    edges = [0, *sorted(cuts), 90]
    parts = [
        _moments(samples[:, a:b], None if own is None else own[:, a:b]) for a, b in pairwise(edges)
    ]
    found = reduce(Moments.merge, parts)
    exact = samples.astype(np.float64)
    w = weights.astype(np.float64) if is_weighted else np.ones((P, 90))
    for cell in range(P):
        covariance = np.cov(exact[cell].T, aweights=w[cell], ddof=0)
        np.testing.assert_allclose(found.covariances[cell], covariance, rtol=1e-9, atol=1e-9)
        mean = np.average(exact[cell], axis=0, weights=w[cell])
        np.testing.assert_allclose(found.means[cell], mean, rtol=1e-12)
    np.testing.assert_allclose(np.broadcast_to(found.n, P), w.sum(axis=1), rtol=1e-12)


def test_a_part_that_is_tiny_beside_the_rest_and_far_away_counts_as_it_should():
    samples = np.concatenate([_samples(2, 500.0), _samples(4000, 0.0, seed=1)], axis=1)
    found = _moments(samples[:, :2]).merge(_moments(samples[:, 2:]))
    exact = samples.astype(np.float64)
    for cell in range(P):
        covariance = np.cov(exact[cell].T, ddof=0)
        np.testing.assert_allclose(found.covariances[cell], covariance, rtol=1e-9)


def test_a_field_gives_its_moments_back():
    moments = _moments(_samples(200))
    target = np.array([0.5, 1, 1, 1.5], np.float32)
    for shape in (None, target):
        field = GaussianField.of(moments, 0.1, shape)
        found = moments_of(field, shape)
        np.testing.assert_allclose(found.covariances, moments.covariances, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(found.means, moments.means, rtol=1e-5, atol=1e-6)
        assert found.n == moments.n == 200


def test_they_are_the_same_from_a_file():
    moments = _moments(_samples(20))
    named = {f"x.{key}": value for key, value in moments.arrays().items()}
    found = Moments.from_arrays(named, "x")
    np.testing.assert_array_equal(found.covariances, moments.covariances)
    np.testing.assert_array_equal(found.means, moments.means)
    with pytest.raises(ValueError, match="covariances"):
        Moments.from_arrays({**named, "x.covariances": np.zeros((P, 3))}, "x")


def test_more_samples_take_no_second_copy_of_the_products():
    """They are hundreds of megabytes of a fit; pages of a copy cost more time than the sums."""
    samples = np.random.default_rng(0).normal(size=(8, 64, 256)).astype(np.float32)
    products_bytes = 8 * 256 * 256 * 8
    running = RunningMoments()
    running.add(samples)
    tracemalloc.start()
    try:
        running.add(samples)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 0.7 * products_bytes
