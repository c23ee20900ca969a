"""What a normality model makes of weights: an image of weight 0 might as well not be there."""

import numpy as np
import pytest

from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Weights
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    SIZE_PX,
    FakeBackbone,
    features,
    learned,
    standardized,
    weights_of,
)

N = 40
PARTS = ("cells", "means", "lines", "image")
SCALES = ("cell_center_", "cell_spread_", "map_units_", "part_standards_")
NEW = features(3, seed=5)


def _uniform(n, value=1.0):
    return Weights(np.full((N_CELLS, n), value, np.float32), np.full(n, value, np.float32))


def _some_at_0(n):
    """Weights of 0 and 1, and which images have 1."""
    is_kept = np.random.default_rng(1).random(n) < 0.7
    image = is_kept.astype(np.float32)
    return Weights(np.tile(image, (N_CELLS, 1)), image), is_kept


def _measured(normality, listed):
    return normality.measure(normality.sample(listed))


def _assert_alike(found, expected, rtol):
    for part in PARTS:
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), rtol=rtol)


@pytest.mark.parametrize("value", [1.0, 0.25])
@pytest.mark.parametrize("n_tiles", [1, 2])
def test_images_that_all_have_the_same_say_give_the_plain_model(value, n_tiles):
    listed = features(N, n_tiles=n_tiles)
    plain = learned(listed, n_tiles=n_tiles)
    weighted = learned(listed, _uniform(N, value), n_tiles=n_tiles)
    new = features(3, n_tiles=n_tiles, seed=5)
    _assert_alike(_measured(weighted, new), _measured(plain, new), 1e-3)
    if value == 1:
        _assert_alike(
            weighted.measure_left_out(weighted.sample(listed), _uniform(N)),
            plain.measure_left_out(plain.sample(listed)),
            1e-3,
        )


@pytest.mark.parametrize("n_tiles", [1, 2])
def test_an_image_without_say_might_as_well_not_be_there(n_tiles):
    listed = features(N, n_tiles=n_tiles)
    weights, is_kept = _some_at_0(N)
    kept = [image for image, keeps in zip(listed, is_kept, strict=True) if keeps]
    new = features(3, n_tiles=n_tiles, seed=5)
    twin = learned(kept, n_tiles=n_tiles)
    found = learned(listed, weights, n_tiles=n_tiles)
    _assert_alike(_measured(found, new), _measured(twin, new), 1e-3)
    for name in ("channel_spread_", "cell_covariance_", "line_covariance_"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(twin, name), rtol=1e-4, atol=1e-4, err_msg=name
        )


def test_cells_and_images_have_weights_of_their_own():
    listed = features(N)
    weights = weights_of(N)
    changed = Weights(weights.cells.copy(), weights.image)
    changed.cells[3, 7] = 0
    before, after = learned(listed, weights), learned(listed, changed)
    moved = (before.cells_.means != after.cells_.means).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(moved), [3])
    moved = (before.lines_.means != after.lines_.means).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(moved), [3])
    np.testing.assert_array_equal(before.image_.means, after.image_.means)


def test_batches_take_their_own_weights():
    listed, weights = features(N), weights_of(N)
    batches = [listed[:16], listed[16:32], listed[32:]]
    found = GaussianNormality(SIZE_PX).learn(iter(batches), weights)
    _assert_alike(_measured(found, NEW), _measured(learned(listed, weights), NEW), 1e-3)


@pytest.mark.parametrize("n_tiles", [1, 2])
def test_an_image_left_out_is_measured_as_by_a_model_without_it(n_tiles):
    """Within 3 %: the target of shrinkage is kept."""
    listed, weights = features(N, n_tiles=n_tiles), weights_of(N)
    whole = learned(listed, weights, n_tiles=n_tiles)
    found = whole.measure_left_out(whole.sample(listed), weights)
    for i in (0, int(np.argmax(weights.image)), N - 1):
        others = np.delete(np.arange(N), i)
        without = learned([listed[j] for j in others], weights.take(others), n_tiles=n_tiles)
        without.channel_spread_ = whole.channel_spread_
        expected = _measured(without, [listed[i]])
        _assert_alike(found.take(np.array([i])), expected, 0.03)
        mean_errors = found.means[:, i] / expected.means[:, 0] - 1
        assert np.abs(mean_errors).max() < 1e-3  # no shrinkage there


def test_scales_of_images_without_say_are_those_without_them():
    listed = features(N)
    normality, measured = standardized(listed)
    weights, is_kept = _some_at_0(N)
    normality.standardize(measured, weights.image)
    found = [getattr(normality, name) for name in SCALES]
    normality.standardize(measured.take(np.flatnonzero(is_kept)))
    for name, value in zip(SCALES, found, strict=True):
        np.testing.assert_allclose(value, getattr(normality, name), rtol=1e-4, err_msg=name)


def test_scales_are_weighted_means_over_those_left_out():
    normality, measured = standardized(features(N))
    normality.image_weight = 0.0
    image = weights_of(N).image
    normality.standardize(measured, image)
    scores = normality.image_scores(measured)
    center = np.average(scores, weights=image)
    assert center == pytest.approx(0, abs=1e-4)
    assert np.average((scores - center) ** 2, weights=image) == pytest.approx(1, rel=1e-4)
    for part in normality.map_parts(measured):
        assert np.average(part.mean(axis=(0, 2)), weights=image) == pytest.approx(1, rel=1e-4)


def test_equal_weights_give_the_scales_of_none():
    normality, measured = standardized(features(N))
    plain = [getattr(normality, name) for name in SCALES]
    normality.standardize(measured, np.ones(N, np.float32))
    for name, value in zip(SCALES, plain, strict=True):
        np.testing.assert_allclose(getattr(normality, name), value, rtol=1e-5, err_msg=name)


def test_a_weighted_model_survives_storage_exactly():
    listed, weights = features(N), weights_of(N)
    normality = learned(listed, weights)
    normality.standardize(
        normality.measure_left_out(normality.sample(listed), weights), weights.image
    )
    arrays = normality.arrays()
    again = GaussianNormality(SIZE_PX).restore(arrays, FakeBackbone(listed))
    for found, expected in zip(again.score(NEW), normality.score(NEW), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert arrays["n_samples"][0] == pytest.approx(weights.cells.sum(axis=1).mean(), rel=1e-5)
    assert arrays["n_samples"][1] == pytest.approx(weights.image.sum(), rel=1e-5)
