import numpy as np
import pytest

from defectory.detectors.measurements import Measurements, Weights

P, N, B = 4, 6, 2
PARTS = ("cells", "means", "lines", "image")


@pytest.fixture
def measured():
    rng = np.random.default_rng(0)
    parts = [rng.random((P, N, B)).astype(np.float32) for _ in range(3)]
    return Measurements(*parts, rng.random(N).astype(np.float32))


@pytest.mark.parametrize("images", [slice(1, 4), np.array([5, 0, 2]), slice(0, 0)])
def test_some_images_of_all_parts_are_taken(measured, images):
    found = measured.take(images)
    assert len(found) == len(np.arange(N)[images])
    np.testing.assert_array_equal(found.image, measured.image[images])
    for part in PARTS[:3]:
        np.testing.assert_array_equal(getattr(found, part), getattr(measured, part)[:, images])


def test_parts_are_joined_in_order(measured):
    joined = Measurements.join([measured.take(slice(0, 2)), measured.take(slice(2, N))])
    assert len(joined) == N
    for part in PARTS:
        np.testing.assert_array_equal(getattr(joined, part), getattr(measured, part))


def test_weights_of_some_images_are_taken():
    rng = np.random.default_rng(0)
    weights = Weights(rng.random((P, N)).astype(np.float32), rng.random(N).astype(np.float32))
    found = weights.take(np.array([4, 1]))
    np.testing.assert_array_equal(found.cells, weights.cells[:, [4, 1]])
    np.testing.assert_array_equal(found.image, weights.image[[4, 1]])
