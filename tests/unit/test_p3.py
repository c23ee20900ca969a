"""The collections of P3 are what the protocol says, and its figures point the right way."""

import numpy as np
import pytest

from benchmarks.outlier_rivals import gaussian_distances, nearest_distances
from benchmarks.p3 import draw_collection, figures

CLASSES = np.repeat(np.arange(10), 700).astype(np.uint8)


@pytest.mark.parametrize("ratio", [0.05, 0.1, 0.25])
def test_outliers_are_a_share_of_the_collection(ratio):
    chosen, truth = draw_collection(CLASSES, 3, ratio, 0)
    assert truth.mean() == pytest.approx(ratio, abs=1e-3)
    assert (~truth).sum() == 700
    np.testing.assert_array_equal(truth, CLASSES[chosen] != 3)
    assert len(set(chosen)) == len(chosen)
    again, _ = draw_collection(CLASSES, 3, ratio, 0)
    np.testing.assert_array_equal(again, chosen)


def test_one_kind_means_the_next_class():
    chosen, truth = draw_collection(CLASSES, 9, 0.1, 0, 90, one_kind=True)
    assert set(CLASSES[chosen[truth]]) == {0}
    assert len(chosen) == 100


def test_figures_of_a_perfect_and_a_wrong_ranking():
    truth = np.array([False] * 8 + [True] * 2)
    perfect = figures(np.arange(10.0), truth)
    assert perfect == {"auroc": 1.0, "aupr_out": 1.0, "aupr_in": 1.0}
    assert figures(-np.arange(10.0), truth)["auroc"] == 0.0


def test_rivals_measure_what_they_say():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 3))
    table = np.sort(np.linalg.norm(vectors[:, None] - vectors[None], axis=2), axis=1)
    for found, k in zip(nearest_distances(vectors, (1, 7), n_rows=16), (1, 7), strict=True):
        np.testing.assert_allclose(found, table[:, k], atol=1e-6)
    vectors[0] = 9
    assert gaussian_distances(vectors).argmax() == 0
