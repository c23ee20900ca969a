"""What the next labels are expected to change, and whether there have been enough."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from defectory.calibration import Threshold, fit_threshold
from defectory.domain import HeldOutScores, ParameterError, members_of, own_groups

ENOUGH = 0.002
"""Fewer flips than this share of decisions are not worth the next labels."""

_N_RESAMPLES = 200
_N_MOVES = 32
_NORMAL_95 = 3.92  # width of a 95 % interval, in standard errors


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
    threshold : from its interval where it is an estimate, else by a bootstrap of the groups

    Notes
    -----
    Cost: 200 fits of a threshold. Random: the resamples, the same each time.
    """
    if threshold.interval is not None:
        low, high = threshold.interval
        return (high - low) / _NORMAL_95
    n = len(held_out)
    if n < 2:
        return float("inf")
    numbers = own_groups(n, held_out.groups)
    n_groups = int(numbers.max()) + 1
    members = list(members_of(numbers, range(n_groups)))
    rng = np.random.default_rng(0)
    found = []
    for _ in range(_N_RESAMPLES):
        drawn = [members[group] for group in rng.integers(n_groups, size=n_groups)]
        again = fit_threshold(
            held_out.scores[np.concatenate(drawn)].astype(np.float64),
            threshold.false_reject_rate,
            threshold.confidence,
            # a group that is drawn twice counts as two
            groups=np.repeat(np.arange(n_groups), [len(rows) for rows in drawn]),
        )
        found.append(again.value)
    return float(np.std(found))


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
