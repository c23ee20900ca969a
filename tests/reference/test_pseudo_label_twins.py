"""Fast pseudo-labels against the slow and obvious ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.domain.otsu import otsu_threshold
from defectory.pseudolabels import (
    GaussianMixture,
    ShrunkGaussian,
    match_lower,
    match_upper,
)
from defectory.pseudolabels.matching import upper_distances
from tests.reference.pseudo_label_twins import (
    slow_mahalanobis,
    slow_otsu_variance,
    slow_upper_distances,
)

# Few levels make ties; the wide range makes sums of very different sizes.
SCORES = arrays(
    np.float64,
    st.integers(1, 12),
    elements=st.one_of(st.integers(-3, 3).map(float), st.floats(-1000, 1000, width=16)),
)
FEW = settings(max_examples=60)


@FEW
@given(SCORES, SCORES)
def test_distances_to_all_upper_parts_equal_scipy(labeled, unlabeled):
    starts, distances = upper_distances(labeled, unlabeled)
    slow = slow_upper_distances(labeled, unlabeled)

    np.testing.assert_array_equal(np.sort(unlabeled)[starts], list(slow))
    np.testing.assert_allclose(distances, list(slow.values()), rtol=1e-9, atol=1e-9)


def test_distances_of_more_pairs_than_one_block():
    rng = np.random.default_rng(0)
    labeled, unlabeled = rng.normal(size=900), rng.normal(size=700) * 3 + 1e4
    starts, distances = upper_distances(labeled, unlabeled)
    slow = slow_upper_distances(labeled, unlabeled)

    assert len(starts) == 700
    np.testing.assert_allclose(distances, list(slow.values()), rtol=1e-9)


@FEW
@given(SCORES, SCORES)
def test_matched_thresholds_are_the_best_of_all(labeled, unlabeled):
    slow = slow_upper_distances(labeled, unlabeled)
    taken = unlabeled[unlabeled > match_upper(labeled, unlabeled)]
    assert slow[taken.min()] == pytest.approx(min(slow.values()), abs=1e-9)

    mirrored = slow_upper_distances(-labeled, -unlabeled)
    taken = unlabeled[unlabeled < match_lower(labeled, unlabeled)]
    assert mirrored[-taken.max()] == pytest.approx(min(mirrored.values()), abs=1e-9)


@FEW
@given(SCORES)
def test_otsu_is_the_best_of_all_splits(scores):
    found = slow_otsu_variance(scores, otsu_threshold(scores)[0])
    best = min(slow_otsu_variance(scores, threshold) for threshold in scores)
    assert found == pytest.approx(best, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (8, 20), (2, 5), (5, 1)])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_mahalanobis_equals_the_inverse(n, d, shrinkage):
    rng = np.random.default_rng(n + d)
    rows = (rng.normal(size=(n, d)) * np.arange(1, d + 1) + 100).astype(np.float32)
    other = (rng.normal(size=(7, d)) * 5 + 100).astype(np.float32)
    found = ShrunkGaussian(shrinkage).fit(rows, rng).scores(other)
    expected = [slow_mahalanobis(rows.astype(float), row, shrinkage) for row in other]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (8, 20), (3, 2)])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_left_out_distances_equal_refits(n, d, shrinkage):
    """The refits are shrunk towards what all rows together are shrunk towards."""
    rng = np.random.default_rng(n + d)
    rows = (rng.normal(size=(n, d)) * np.arange(1, d + 1)).astype(np.float32)
    found = ShrunkGaussian(shrinkage).fit(rows, rng).left_out_scores()
    rows = rows.astype(float)
    target = rows.var(axis=0).mean()
    expected = [
        slow_mahalanobis(np.delete(rows, i, axis=0), rows[i], shrinkage, target) for i in range(n)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def _lumps(rng, n=60, d=4):
    return np.concatenate([rng.normal(size=(n, d)), rng.normal(size=(n, d)) * 2 + 9]).astype(
        np.float32
    )


@pytest.mark.parametrize("n_components", [1, 2, 4])
def test_the_likelihood_of_a_mixture_equals_scikit_learn(n_components):
    mixture = pytest.importorskip("sklearn.mixture", reason="scikit-learn is the reference")
    rng = np.random.default_rng(n_components)
    rows, other = _lumps(rng), rng.normal(size=(20, 4)).astype(np.float32) * 6
    model = GaussianMixture(n_components).fit(rows, rng)
    twin = mixture.GaussianMixture(n_components, covariance_type="diag")
    twin.weights_, twin.means_, twin.covariances_ = model.weights_, model.means_, model.variances_
    twin.precisions_cholesky_ = 1 / np.sqrt(model.variances_)

    np.testing.assert_allclose(model.scores(other), -twin.score_samples(other), rtol=1e-5)


def test_an_unshrunk_mixture_finds_the_parameters_scikit_learn_finds():
    mixture = pytest.importorskip("sklearn.mixture", reason="scikit-learn is the reference")
    rng = np.random.default_rng(0)
    rows = _lumps(rng)
    model = GaussianMixture(2, shrinkage=0.0).fit(rows, rng)
    twin = mixture.GaussianMixture(2, covariance_type="diag", random_state=0).fit(rows)

    ours, theirs = np.argsort(model.means_[:, 0]), np.argsort(twin.means_[:, 0])
    np.testing.assert_allclose(model.weights_[ours], twin.weights_[theirs], rtol=1e-3)
    np.testing.assert_allclose(model.means_[ours], twin.means_[theirs], rtol=1e-3)
    np.testing.assert_allclose(model.variances_[ours], twin.covariances_[theirs], rtol=1e-3)


def test_left_out_likelihoods_of_one_component_equal_refits():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 3)).astype(np.float32) + 50
    model = GaussianMixture(1, shrinkage=0.0).fit(rows, rng)
    expected = [
        GaussianMixture(1, shrinkage=0.0).fit(np.delete(rows, i, axis=0), rng).scores(rows[[i]])[0]
        for i in range(12)
    ]
    np.testing.assert_allclose(model.left_out_scores(), expected, rtol=1e-4)
