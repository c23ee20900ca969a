"""A field that absorbs samples is, but for its shrinkage target, the field fitted on all of them."""

import numpy as np
import pytest

from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.moments import RunningMoments


@pytest.mark.parametrize("n_new", [1, 3])
def test_absorbing_is_fitting_on_more(n_new):
    rng = np.random.default_rng(n_new)
    samples = (rng.normal(size=(3, 200, 6)) @ rng.normal(size=(6, 6))).astype(np.float32)
    samples[:, -n_new:] *= 4

    def fit(part):
        running = RunningMoments()
        running.add(part)
        return GaussianField.of(running.moments(), 0.02)

    few, many = fit(samples[:, :-n_new]), fit(samples)
    absorbed = few.absorb(samples[:, -n_new:])
    queries = 3 * rng.normal(size=(3, 40, 6)).astype(np.float32)
    wanted = many.distances(queries)
    np.testing.assert_allclose(absorbed.distances(queries), wanted, rtol=0.04)
    left_as_it_was = np.abs(few.distances(queries) / wanted - 1).max()
    assert np.abs(absorbed.distances(queries) / wanted - 1).max() < 0.5 * left_as_it_was
    np.testing.assert_allclose(absorbed.means, many.means, atol=1e-4)
    assert absorbed.n_samples == 200
