"""Fast pseudo-labels against the slow and obvious ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.domain.otsu import otsu_threshold
from defectory.pseudolabels import ShrunkGaussian, match_lower, match_upper
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
    found = ShrunkGaussian(shrinkage).fit(rows).scores(other)
    expected = [slow_mahalanobis(rows.astype(float), row, shrinkage) for row in other]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(("n", "d"), [(40, 3), (8, 20), (3, 2)])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_left_out_distances_equal_refits(n, d, shrinkage):
    """The refits are shrunk towards what all rows together are shrunk towards."""
    rng = np.random.default_rng(n + d)
    rows = (rng.normal(size=(n, d)) * np.arange(1, d + 1)).astype(np.float32)
    found = ShrunkGaussian(shrinkage).fit(rows).left_out_scores()
    rows = rows.astype(float)
    target = rows.var(axis=0).mean()
    expected = [
        slow_mahalanobis(np.delete(rows, i, axis=0), rows[i], shrinkage, target) for i in range(n)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
