"""A field of the width of real features: OpenBLAS chooses its ways by the sizes of a product."""

import numpy as np
import pytest

from defectory.detectors.gaussian_field import GaussianField


@pytest.mark.parametrize(("p", "d"), [(3, 304), (1, 640), (3, 48)])
def test_distances_of_a_sample_are_the_same_wherever_and_beside_whomever_it_stands(p, d):
    rng = np.random.default_rng(d)
    whitening = np.tril(rng.normal(size=(p, d, d))).astype(np.float32)
    field = GaussianField(rng.normal(size=(p, d)).astype(np.float32), whitening, 9, 0.02)
    samples = rng.normal(size=(p, 40, d)).astype(np.float32)
    found = field.distances(samples)
    away = np.einsum("pde,pbe->pbd", whitening, samples - field.means[:, None])
    np.testing.assert_allclose(found, np.linalg.norm(away, axis=2), rtol=1e-4)
    order = rng.permutation(40)
    np.testing.assert_array_equal(field.distances(samples[:, order]), found[:, order])
    for n in (1, 7, 16, 33):
        np.testing.assert_array_equal(field.distances(samples[:, :n]), found[:, :n])
