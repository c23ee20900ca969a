import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from defectory.domain import ParameterError
from defectory.metrics import (
    auroc,
    average_precision,
    f1_score,
    recall_at_false_reject_rate,
    roc_curve,
)

STATISTICS = [auroc, average_precision, recall_at_false_reject_rate]


def _sample(seed, n=200, levels=None):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.3
    labels[:2] = [True, False]
    scores = rng.standard_normal(n) + labels
    return (np.round(scores * levels) if levels else scores), labels


@pytest.mark.parametrize("levels", [None, 0.5, 1, 4])
@pytest.mark.parametrize("seed", range(5))
def test_auroc_and_average_precision_match_scikit_learn(seed, levels):
    scores, labels = _sample(seed, levels=levels)

    assert auroc(scores, labels) == pytest.approx(
        sklearn_metrics.roc_auc_score(labels, scores), abs=1e-12
    )
    assert average_precision(scores, labels) == pytest.approx(
        sklearn_metrics.average_precision_score(labels, scores), abs=1e-12
    )


def test_one_score_for_all_is_chance():
    scores, labels = np.zeros(10), np.arange(10) < 3

    assert auroc(scores, labels) == 0.5
    assert average_precision(scores, labels) == pytest.approx(0.3)
    assert recall_at_false_reject_rate(scores, labels, 0.99) == 0.0


def _recall_by_trying_all(scores, labels, rate):
    best = 0.0
    for threshold in np.unique(scores):
        rejected = scores >= threshold
        if rejected[~labels].mean() <= rate:
            best = max(best, rejected[labels].mean())
    return best


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.29, 1.0])
@pytest.mark.parametrize("levels", [None, 1, 3])
def test_recall_at_false_reject_rate_is_the_best_allowed_one(rate, levels):
    for seed in range(5):
        scores, labels = _sample(seed, levels=levels)
        expected = _recall_by_trying_all(scores, labels, rate)
        assert recall_at_false_reject_rate(scores, labels, rate) == expected


@pytest.mark.parametrize("k", range(101))
def test_the_allowed_share_of_normals_is_allowed_exactly(k):
    """k of 100 normals score above the only defect; a rate of k / 100 allows just that many."""
    scores = np.concatenate([np.arange(100.0), [99.5 - k]])
    labels = np.arange(101) == 100

    assert recall_at_false_reject_rate(scores, labels, float(f"{k / 100:.2f}")) == 1.0
    if k:
        assert recall_at_false_reject_rate(scores, labels, (k - 0.5) / 100) == 0.0


def test_a_normal_that_ties_with_a_defect_is_rejected_with_it():
    assert recall_at_false_reject_rate([1.0, 2.0, 2.0, 3.0], [0, 0, 1, 1], 0.0) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_f1_matches_scikit_learn(seed):
    scores, labels = _sample(seed)
    decisions = scores >= 0.5

    assert f1_score(labels, decisions) == pytest.approx(sklearn_metrics.f1_score(labels, decisions))


def test_f1_is_undefined_only_where_nothing_is_anomalous_and_nothing_rejected():
    assert math.isnan(f1_score([0, 0], [0, 0]))
    assert f1_score([0, 0], [1, 0]) == 0.0
    assert f1_score([1, 1], [0, 0]) == 0.0
    assert f1_score([1, 1], [1, 1]) == 1.0


@pytest.mark.parametrize("levels", [None, 2])
def test_roc_curve_matches_scikit_learn_and_the_area_under_it_is_auroc(levels):
    scores, labels = _sample(0, levels=levels)
    rates, recalls, thresholds = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)

    curve = roc_curve(scores, labels)

    np.testing.assert_allclose(curve.false_reject_rates, rates)
    np.testing.assert_allclose(curve.recalls, recalls)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    area = np.sum(np.diff(curve.false_reject_rates) * (curve.recalls[1:] + curve.recalls[:-1]) / 2)
    assert area == pytest.approx(auroc(scores, labels))


@pytest.mark.parametrize("max_points", [2, 3, 17, 1000])
def test_a_thinned_roc_curve_keeps_the_ends_and_only_points_of_the_curve(max_points):
    scores, labels = _sample(1, n=500)
    whole, thin = roc_curve(scores, labels), roc_curve(scores, labels, max_points=max_points)
    points = set(zip(whole.false_reject_rates, whole.recalls, whole.thresholds, strict=True))
    kept = list(zip(thin.false_reject_rates, thin.recalls, thin.thresholds, strict=True))

    assert len(kept) <= max_points
    assert set(kept) <= points
    assert kept[0] == (0.0, 0.0, np.inf)
    assert kept[-1][:2] == (1.0, 1.0)
    way = thin.false_reject_rates + thin.recalls
    assert np.diff(way).max() <= 2 / (max_points - 1) + 1 / labels.sum()


@pytest.mark.parametrize("max_points", [None, 3])
def test_the_roc_curve_of_one_class_has_nan_for_the_other(max_points):
    curve = roc_curve([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1], max_points=max_points)

    assert np.isnan(curve.false_reject_rates).all()
    assert curve.recalls[0] == 0.0
    assert curve.recalls[-1] == 1.0


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_one_class_is_nan(statistic, labels):
    assert math.isnan(statistic(np.arange(float(len(labels))), labels))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("label_type", [bool, int, np.int8, float])
def test_label_types_do_not_matter(statistic, label_type):
    scores, labels = _sample(2)

    assert statistic(scores.astype(np.float32), labels.astype(label_type)) == statistic(
        scores.astype(np.float32), labels
    )


def test_infinite_scores_are_ranked():
    assert auroc([-np.inf, 0.0, np.inf], [0, 0, 1]) == 1.0
    assert auroc([np.inf, 0.0, np.inf], [0, 0, 1]) == 0.75


@pytest.mark.parametrize("statistic", [*STATISTICS, roc_curve])
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.0, np.nan], [0, 1], "score 1 is NaN"),
        ([0.0, 1.0], [0, -1], "labels hold -1"),
        ([0.0, 1.0], [0, 2], "labels hold 2"),
        ([0.0, 1.0], [0.0, np.nan], "labels hold nan"),
        ([0.0, 1.0, 2.0], [0, 1], r"scores have shape \(3,\)"),
        ([[0.0, 1.0]], [[0, 1]], r"both \(n,\)"),
    ],
)
def test_bad_input_is_named(statistic, scores, labels, message):
    with pytest.raises(ParameterError, match=message):
        statistic(scores, labels)


def test_parameters_out_of_range_are_named():
    with pytest.raises(ParameterError, match=r"rate is 1\.5"):
        recall_at_false_reject_rate([0.0, 1.0], [0, 1], 1.5)
    with pytest.raises(ParameterError, match="rate is nan"):
        recall_at_false_reject_rate([0.0, 1.0], [0, 1], math.nan)
    with pytest.raises(ParameterError, match="max_points is 1"):
        roc_curve([0.0, 1.0], [0, 1], max_points=1)
    with pytest.raises(ParameterError, match="decisions hold 3"):
        f1_score([0, 1], [0, 3])
    with pytest.raises(ParameterError, match="decisions"):
        f1_score([0, 1], [0])


@pytest.mark.parametrize("statistic", [*STATISTICS, roc_curve])
def test_inputs_are_not_changed(statistic):
    scores, labels = _sample(3)
    before = scores.copy(), labels.copy()
    scores.setflags(write=False)
    labels.setflags(write=False)

    statistic(scores, labels)

    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(labels, before[1])
