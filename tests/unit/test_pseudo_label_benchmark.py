import numpy as np
import pytest

from benchmarks import pseudo_labels
from benchmarks.pseudo_label_tables import pseudo_labels as render


def test_a_pool_has_one_defect_in_ten_and_five_labels_of_either_class():
    good = np.zeros((90, 2), np.float32)
    images = pseudo_labels.Images(good, good[:40] + 1, "w")
    features, labels, truth = pseudo_labels.draw_pool(images, seed=0)

    assert (len(features), truth.sum()) == (100, 10)
    np.testing.assert_array_equal(features[:, 0], truth)
    assert [(labels == code).sum() for code in (-1, 0, 1)] == [90, 5, 5]
    known = labels != -1
    np.testing.assert_array_equal(labels[known], truth[known])


def test_agreement_counts_by_label():
    found = pseudo_labels.agreement(np.array([1, 1, 0, -1]), np.array([1, 0, 0, 1]))
    assert found == {
        "anomalous_precision": 0.5, "anomalous_recall": 0.5,
        "normal_precision": 1.0, "normal_recall": 0.5,
    }  # fmt: skip
    none_given = pseudo_labels.agreement(np.array([-1, 0]), np.array([1, 0]))
    assert np.isnan(none_given["anomalous_precision"])


@pytest.mark.parametrize(
    ("precision", "shown"),
    [
        ([0.5, 0.7], "0.600 ± 0.141"),
        ([None, 0.7], "0.700 (1 of 2)"),
        ([None, None], "none given"),
    ],
)
def test_a_table_says_in_how_many_pools_a_label_was_given(precision, shown):
    figures = dict.fromkeys(("auroc", "anomalous_recall", "normal_precision", "normal_recall"), 0.1)
    runs = [figures | {"anomalous_precision": value} for value in precision]
    setting = {"thresholds": "otsu", "n_classifiers": 5, "own_scores": "as-fitted"}
    page = render([{"data_set": "tiles", "setting": setting, "figures": run} for run in runs])

    assert "| otsu, K = 5, own scores as-fitted |" in page
    assert f" {shown} |" in page


def test_nothing_measured_says_so():
    assert "Not measured yet" in render([])
