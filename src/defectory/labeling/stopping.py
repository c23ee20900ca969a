"""What the next labels are expected to change, and whether there have been enough."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from defectory.calibration import Threshold
from defectory.calibration.estimates import estimate_spread
from defectory.domain import HeldOutScores, ParameterError, own_groups

ENOUGH = 0.002
"""Fewer flips than this share of decisions are not worth the next labels."""

FEWEST_ANSWERS = 20
"""Before a person has given so many labels, nobody can say that it is enough."""

_N_MOVES = 32
# Scores that tell how a tail falls.
_LEAST_TAIL = 10


@dataclass(frozen=True)
class Gain:
    """What the next labels are expected to bring.

    Attributes
    ----------
    n_next : >= 1, labels
    flip_ratio : [0, 1], share of decisions that they are expected to change
    is_enough : whether that is too little to go on
    said : the same, in a plain sentence
    """

    n_next: int
    flip_ratio: float
    is_enough: bool
    said: str


def expected_gain(
    scores: NDArray[np.float64],
    threshold: float,
    spread: float,
    n_labels: int,
    *,
    n_next: int = 10,
    flipped_by_last: float | None = None,
    n_last: int = 0,
) -> Gain | None:
    """Return what the next labels are expected to change; None where there is no threshold.

    Parameters
    ----------
    scores : (n,) float64, raw image scores, n >= 1
    threshold : above it an image is rejected
    spread : >= 0, its standard error, see `threshold_spread`
    n_labels : >= 0, that it rests on
    n_next : >= 1
    flipped_by_last : [0, 1], share of decisions that the last update changed; None before the first
    n_last : >= 1, labels of that update

    Raises
    ------
    ParameterError : a number is out of its range.

    Notes
    -----
    Ours. An estimate with standard error s from n labels has s sqrt(n / (n + k)) after k more, so that it is
    expected to move by a normal step of standard deviation s sqrt(k / (n + k)) meanwhile: what is learned is
    what uncertainty loses. The decisions that flip are those of images whose scores lie between the
    threshold and where it moves to, counted, and averaged over steps. Labels also move the scores
    themselves, which this cannot foresee: where an update has been seen, its flips for each label are
    expected again, and the larger of the two counts. Random: nothing.
    """
    if not len(scores) or not spread >= 0 or n_labels < 0 or n_next < 1:
        raise ParameterError("expected_gain needs scores, spread >= 0, n_labels >= 0, n_next >= 1")
    if not np.isfinite(threshold) or not np.isfinite(spread):
        return None
    step = spread * (n_next / (n_labels + n_next)) ** 0.5
    ratio = _crossed(np.sort(scores), threshold, step)
    if flipped_by_last is not None and n_last > 0:
        ratio = max(ratio, min(1.0, flipped_by_last * n_next / n_last))
    is_enough = ratio < ENOUGH
    advice = "that is enough" if is_enough else "go on"
    labels = f"next {n_next} labels are" if n_next > 1 else "next label is"
    said = f"the {labels} expected to change {_percent(ratio)} of decisions: {advice}"
    return Gain(n_next, ratio, is_enough, said)


def threshold_spread(held_out: HeldOutScores, threshold: Threshold) -> float:
    """Return the standard error of a threshold, >= 0; inf where there is nothing to tell it from.

    Parameters
    ----------
    held_out : scores that it was fitted on
    threshold : as it is

    Notes
    -----
    Of an estimate: that of the quartiles that it rests on, by a bootstrap of the groups; the tail that is
    assumed beyond them is no matter of more labels. Else the threshold is an order statistic, whose bootstrap
    is wrong where it is the highest score: that of an exponential tail (Renyi 1953) of the scores above it
    and as many below, of the groups' highest.
    """
    if len(held_out) < 2:
        return float("inf")
    scores, numbers = held_out.scores.astype(np.float64), own_groups(len(held_out), held_out.groups)
    if threshold.is_estimated:
        return estimate_spread(scores, threshold.value, groups=numbers)
    highest = np.full(int(numbers.max()) + 1, -np.inf)
    np.maximum.at(highest, numbers, scores)
    falling = -np.sort(-highest)
    n_above = int((falling > threshold.value).sum())
    n_tail = min(max(_LEAST_TAIL, 2 * (n_above + 1)), len(falling) - 1)
    if n_tail < 1:
        return float("inf")
    scale = float(falling[:n_tail].mean() - falling[n_tail])
    return float(scale * np.sqrt((1 / np.arange(n_above + 1, len(falling) + 1) ** 2.0).sum()))


def _crossed(ordered: NDArray[np.float64], threshold: float, step: float) -> float:
    """Return the mean share of scores between the threshold and where a normal step leads."""
    quantiles = (np.arange(_N_MOVES) + 0.5) / _N_MOVES
    moves = np.array([NormalDist().inv_cdf(float(q)) for q in quantiles]) * step
    before = np.searchsorted(ordered, threshold, side="right")
    after = np.searchsorted(ordered, threshold + moves, side="right")
    return float(np.abs(after - before).mean() / len(ordered))


def _percent(ratio: float) -> str:
    """Return a share as people say it: 12 %, 0.3 %."""
    return f"{100 * ratio:.0f} %" if ratio >= 0.1 else f"{100 * ratio:.1f} %"
