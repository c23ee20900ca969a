"""A threshold where nobody has said which images are good: an estimate, no promise.

Left-out scores of a folder as it is are those of good parts and of some defects. Quartiles notice little of a
tenth of defects (the estimate rises by about a fifth), so the bulk of the scores gives center and spread, and
what is usual of tails the rest. Good parts' left-out scores have a heavier tail than a normal distribution,
by a factor that differs from product to product: the one taken was chosen on the development sets, and the
interval says what is as plausible. Confirmed images may choose within it, see `defectory.workflows.updating`.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from defectory.calibration.thresholds import (
    DEFAULT_CONFIDENCE,
    MIN_IMAGES,
    Threshold,
    fit_threshold,
    n_normals_needed,
)
from defectory.domain import HeldOutScores, members_of, own_groups

Floats = NDArray[np.float64]

TAIL = 1.3
"""How heavy the upper tail of good parts' scores is taken to be: 1 is a normal distribution's."""

_PLAUSIBLE_TAILS = (0.8, 2.0)
_QUARTILES = (0.25, 0.5, 0.75)
_NORMAL_IQR = 1.349
_N_RESAMPLES = 200


def choose_threshold(
    held_out: HeldOutScores,
    false_reject_rate: float,
    confidence: float = DEFAULT_CONFIDENCE,
    *,
    of: str = "scores",
    prefers_estimate: bool = False,
    tail: float = TAIL,
) -> Threshold:
    """Return the threshold that promises where confirmed normals are enough, else an estimate.

    Parameters
    ----------
    held_out : left-out scores of images not labeled anomalous
    false_reject_rate, confidence : see `fit_threshold`
    of : "scores" of images, or "peaks" of their maps
    prefers_estimate : estimate from all images even where confirmed ones would do, unless they are below 20
    tail : of an estimate, see `estimate_threshold`

    Notes
    -----
    Unlabeled images never count as confirmed. Where all are confirmed but too few, the highest score is the
    threshold, which falls short of the promise, unless it is so high that a few odd images must have set it:
    then the highest plausible estimate.
    """
    values = np.asarray(getattr(held_out, of), np.float64)
    confirmed = held_out.is_confirmed[: len(values)]
    groups = held_out.groups[: len(values)]
    promised = fit_threshold(
        values[confirmed], false_reject_rate, confidence, groups=groups[confirmed]
    )
    is_too_few = confirmed.all() and len(values) < MIN_IMAGES
    if is_too_few or (promised.is_kept and not prefers_estimate):
        return promised
    estimated = estimate_threshold(
        values, false_reject_rate, confidence, groups=groups, is_confirmed=confirmed, tail=tail
    )
    if prefers_estimate or not confirmed.all():
        return estimated
    assert estimated.interval is not None
    highest = estimated.interval[1]
    return promised if promised.value <= highest else replace(estimated, value=highest)


def estimate_threshold(
    scores: Sequence[float] | Floats,
    false_reject_rate: float,
    confidence: float = DEFAULT_CONFIDENCE,
    *,
    groups: NDArray[np.int64] | None = None,
    is_confirmed: NDArray[np.bool_] | None = None,
    tail: float = TAIL,
) -> Threshold:
    """Return a threshold that about so many good parts exceed, from scores of good parts and some defects.

    Parameters
    ----------
    scores : (n,) float, finite, left-out; n >= 1
    false_reject_rate, confidence : asked for; the confidence tells what a promise would need
    groups : (n,) integers; scores of one number belong together, and are resampled together
    is_confirmed : (n,) bool, images that a person called good
    tail : > 0, how heavy the upper tail of good parts' scores is; 1 is a normal distribution's

    Notes
    -----
    The median, plus robust deviations (interquartile range / 1.349) in number `tail` times the normal
    quantile. The interval spans both tails that are plausible and what resampling of groups does. Below 20
    images the highest score is taken where it is above the estimate: quartiles say little there.
    """
    values = np.asarray(scores, np.float64)
    n = len(values)
    numbers = own_groups(n, groups)
    m = int(numbers.max()) + 1
    confirmed = np.zeros(n, bool) if is_confirmed is None else is_confirmed
    deviations = NormalDist().inv_cdf(1 - false_reject_rate)
    value = float(_reach_of(np.quantile(values, _QUARTILES), tail * deviations))
    if n < MIN_IMAGES:
        value = max(value, float(values.max()))
    again = _resampled_quartiles(values, numbers)
    low, high = (_reach_of(again, plausible * deviations) for plausible in _PLAUSIBLE_TAILS)
    interval = (
        min(float(np.quantile(low, 0.025)), value),
        max(float(np.quantile(high, 0.975)), value),
    )
    n_confirmed_groups = len(np.unique(numbers[confirmed]))
    return Threshold(
        value=value,
        false_reject_rate=false_reject_rate,
        confidence=confidence,
        n_normals=n,
        bound=1.0,
        expected_rate=false_reject_rate,
        n_missing=max(0, n_normals_needed(false_reject_rate, confidence) - n_confirmed_groups),
        n_groups=m,
        interval=interval,
        n_confirmed=int(confirmed.sum()),
    )


def estimate_spread(scores: Floats, value: float, *, groups: NDArray[np.int64]) -> float:
    """Return the standard error of an estimated threshold, whatever its tail, by a bootstrap of groups.

    Parameters
    ----------
    scores, groups : (n,) that it rests on, and numbers 0 to m - 1 of what belongs together
    value : of the threshold
    """
    low, middle, high = np.quantile(scores, _QUARTILES)
    if high <= low:
        return 0.0
    deviations = (value - middle) / (high - low) * _NORMAL_IQR
    return float(np.std(_reach_of(_resampled_quartiles(scores, groups), deviations)))


def tail_that_reaches(value: float, scores: Floats, false_reject_rate: float) -> float:
    """Return the tail at which 20 scores or more have this estimated threshold; nan where all have one."""
    quartiles = np.quantile(scores, _QUARTILES)
    median, one = (
        float(_reach_of(quartiles, d)) for d in (0.0, NormalDist().inv_cdf(1 - false_reject_rate))
    )
    return (value - median) / (one - median) if one > median else nan


def _reach_of(quartiles: Floats, deviations: float) -> Floats:
    """Return what lies so many robust deviations above the median."""
    low, middle, high = quartiles
    found: Floats = middle + deviations * (high - low) / _NORMAL_IQR
    return found


def _resampled_quartiles(values: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return (3, resamples) quartiles of whole groups drawn with replacement."""
    m = int(groups.max()) + 1
    rng = np.random.default_rng(len(values))
    if m == len(values):
        at_once = max(1, min(_N_RESAMPLES, 2**20 // m))
        drawn = (rng.integers(m, size=(at_once, m)) for _ in range(0, _N_RESAMPLES, at_once))
        found = [np.quantile(values[rows], _QUARTILES, axis=1) for rows in drawn]
        return np.concatenate(found, axis=1)[:, :_N_RESAMPLES]
    members = list(members_of(groups, range(m)))
    drawn = (rng.integers(m, size=m) for _ in range(_N_RESAMPLES))
    rows = (np.concatenate([members[group] for group in each]) for each in drawn)
    return np.stack([np.quantile(values[each], _QUARTILES) for each in rows], axis=1)
