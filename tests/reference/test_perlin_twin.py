import numpy as np
import pytest

from defectory.simulation import perlin_noise
from tests.reference.perlin_twin import slow_perlin_noise


@pytest.mark.parametrize(
    ("shape", "cells"),
    [((16, 16), (1, 1)), ((24, 40), (4, 8)), ((13, 7), (2.5, 3.2)), ((1, 9), (1, 2))],
)
def test_perlin_noise_is_what_the_definition_says(shape, cells):
    fast = perlin_noise(shape, cells, np.random.default_rng(3))
    slow = slow_perlin_noise(shape, cells, np.random.default_rng(3))
    assert fast.dtype == np.float32
    np.testing.assert_allclose(fast, slow, atol=1e-5)
    assert np.abs(slow).max() > 0.05
