"""How well image scores separate anomalous from normal images. Ties are exact."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import ParameterError
from defectory.metrics.rejections import (
    Ranking,
    Rejections,
    area_under_roc,
    average_of_precision,
    recall_at,
)
from defectory.metrics.thinning import evenly_spaced


@dataclass(frozen=True)
class RocCurve:
    """Recall against false rejects at falling thresholds, from (0, 0) to (1, 1).

    Attributes
    ----------
    false_reject_rates : (p,) float64 in [0, 1], share of the normal images rejected
    recalls : (p,) float64 in [0, 1], share of the anomalous images rejected
        Either is nan where its class does not occur.
    thresholds : (p,) float64, falling
        An image is rejected where score >= threshold. The first is inf: nothing is rejected.
    """

    false_reject_rates: NDArray[np.float64]
    recalls: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Probability that an anomalous image scores above a normal one, a tie counting one half.

    Parameters
    ----------
    scores : (n,) real, higher = more anomalous
    labels : (n,) 0 or 1, or bool; unlabeled images must be left out

    Returns
    -------
    float in [0, 1]; nan where only one class occurs

    Raises
    ------
    ParameterError : shapes differ, a score is NaN, or a label is neither 0 nor 1.

    Notes
    -----
    Source: the area under the ROC curve by the trapezoid rule. Cost: time O(n log n).
    """
    return _of_rejections(area_under_roc, scores, labels)


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Precision averaged over the steps of recall, images of equal score being rejected together.

    Parameters
    ----------
    scores : (n,) real, higher = more anomalous
    labels : (n,) 0 or 1, or bool; unlabeled images must be left out

    Returns
    -------
    float in [0, 1]; nan where only one class occurs

    Raises
    ------
    ParameterError : shapes differ, a score is NaN, or a label is neither 0 nor 1.

    Notes
    -----
    The sum of (recall step x precision), without interpolation. Cost: time O(n log n).
    """
    return _of_rejections(average_of_precision, scores, labels)


def recall_at_false_reject_rate(scores: ArrayLike, labels: ArrayLike, rate: float = 0.01) -> float:
    """Highest recall of anomalous images at a threshold that rejects at most `rate` of the normals.

    Parameters
    ----------
    scores : (n,) real, higher = more anomalous
    labels : (n,) 0 or 1, or bool; unlabeled images must be left out
    rate : [0, 1]
        Share of these very normal images that may be rejected; raised, recall cannot fall.

    Returns
    -------
    float in [0, 1]; nan where only one class occurs

    Raises
    ------
    ParameterError : shapes differ, a score is NaN, a label is neither 0 nor 1, or `rate` is not in
        [0, 1].

    Notes
    -----
    Thresholds are the scores themselves (score >= threshold is rejected), not values between them:
    normals that tie with an anomalous image are rejected with it. The threshold is chosen on the
    images it is judged on, so this describes a ranking; it is no promise for new images.
    """
    if not 0 <= rate <= 1:
        raise ParameterError(f"rate is {rate}; expected a share of the normal images in [0, 1]")
    return _of_rejections(lambda rejections: recall_at(rejections, rate), scores, labels)


def f1_score(labels: ArrayLike, decisions: ArrayLike) -> float:
    """Harmonic mean of precision and recall of the decisions.

    Parameters
    ----------
    labels : (n,) 0 or 1, or bool
    decisions : (n,) 0 or 1, or bool; 1 = rejected

    Returns
    -------
    float in [0, 1]; nan where nothing is anomalous and nothing rejected (0 / 0)

    Raises
    ------
    ParameterError : shapes differ, or a value is neither 0 nor 1.
    """
    truth, rejected = _binary(labels, "labels"), _binary(decisions, "decisions")
    _require_equal_length(truth, rejected, "labels", "decisions")
    total = int(truth.sum() + rejected.sum())
    return 2 * int((truth & rejected).sum()) / total if total else math.nan


def roc_curve(scores: ArrayLike, labels: ArrayLike, *, max_points: int | None = None) -> RocCurve:
    """Recall and false-reject rate at every distinct score, for plotting.

    Parameters
    ----------
    scores : (n,) real, higher = more anomalous
    labels : (n,) 0 or 1, or bool; unlabeled images must be left out
    max_points : int >= 2, or None for all
        Keep at most that many points, about evenly spaced along the curve, both ends included.

    Returns
    -------
    RocCurve

    Raises
    ------
    ParameterError : shapes differ, a score is NaN, a label is neither 0 nor 1, or `max_points` < 2.
    """
    if max_points is not None and max_points < 2:
        raise ParameterError(f"max_points is {max_points}; expected at least 2, or None for all")
    ranking, (normal, anomalous) = rejections_by(*checked(scores, labels))
    rates, recalls = _shares(normal), _shares(anomalous)
    thresholds = np.concatenate([[np.inf], ranking.thresholds])
    if max_points is None:
        return RocCurve(rates, recalls, thresholds)
    # A class that does not occur adds nothing to the way along the curve.
    kept = evenly_spaced(np.nan_to_num(rates) + np.nan_to_num(recalls), max_points)
    return RocCurve(rates[kept], recalls[kept], thresholds[kept])


def checked(scores: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores (n,) float64 without NaN and labels (n,) bool; raise ParameterError."""
    values, truth = np.asarray(scores, dtype=np.float64), _binary(labels, "labels")
    _require_equal_length(values, truth, "scores", "labels")
    missing = np.flatnonzero(np.isnan(values))
    if missing.size:
        raise ParameterError(
            f"score {missing[0]} is NaN ({missing.size} of {values.size} are); "
            "every image needs a score, leave out those that have none"
        )
    return values, truth


def rejections_by(
    scores: NDArray[np.float64], labels: NDArray[np.bool_]
) -> tuple[Ranking, Rejections]:
    """Return the ranking of checked scores and its rejection counts, each image counting once."""
    ranking = Ranking(scores)
    anomalous = labels[ranking.order].astype(np.int64)
    return ranking, Rejections(ranking.rejected(1 - anomalous), ranking.rejected(anomalous))


def _of_rejections(
    statistic: Callable[[Rejections], NDArray[np.float64]], scores: ArrayLike, labels: ArrayLike
) -> float:
    values, truth = checked(scores, labels)
    if truth.all() or not truth.any():
        return math.nan
    _, rejections = rejections_by(values, truth)
    return float(statistic(rejections))


def _binary(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    array = np.asarray(values)
    if not np.isin(array, (0, 1)).all():
        strange = array[~np.isin(array, (0, 1))].ravel()[0]
        raise ParameterError(
            f"{name} hold {strange!s}; expected only 0 (normal) and 1 (anomalous), "
            "leave out what is unlabeled"
        )
    return array.astype(np.bool_)


def _require_equal_length(
    first: NDArray[np.generic], second: NDArray[np.generic], first_name: str, second_name: str
) -> None:
    if first.ndim != 1 or first.shape != second.shape:
        raise ParameterError(
            f"{first_name} have shape {first.shape} and {second_name} {second.shape}; "
            "expected one of each per image, both (n,)"
        )


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    total = counts[-1]
    return counts / total if total else np.full(counts.shape, np.nan)
