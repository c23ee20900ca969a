"""A threshold that keeps a promise: at most a stated share of good parts is rejected.

The scores of n held-out normals and of a future normal are exchangeable, so the rate at which the future
scores exceed the k-th smallest of the n is at most Beta(n + 1 - k, k) distributed (exactly so without
ties; Vovk 2012, "Conditional validity of inductive conformal predictors", Prop. 2a). We take the smallest
k whose Beta quantile at the wanted confidence is within the promise.

Differs from plain split conformal prediction, which promises the rate only on average over calibration
sets: here it holds for the set at hand with the stated confidence. The price is a few more normals:
299 rather than 99 for 1 % at 95 %.

Pictures that belong together (of one part, of one hour) are not exchangeable, but their groups are. Then the
sum S over the m groups of the share of each group's images above the threshold takes the place of a count. It
is the mean of a sum of m coin tosses, whose median is at most S rounded up, so that
P(S <= s) <= 2 P(Binomial(m, rate) <= ceil(s)): the Beta quantile is taken at half the error, for ceil(S).
Where the groups are too few for that, the highest scores of the groups are taken for n normals, which needs
fewer groups and rejects less.
"""

from dataclasses import dataclass
from math import ceil, inf, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.calibration.binomial import beta_probability, beta_quantile
from defectory.domain import ParameterError, own_groups

Floats = NDArray[np.float64]

DEFAULT_CONFIDENCE = 0.95
MIN_IMAGES = 20
"""An estimate of fewer is at least their highest score, whatever the rate: quartiles say little there."""
ROUNDING = 1e-9
"""Of sums of shares."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and what it promises; a score above it is rejected.

    Attributes
    ----------
    value : in raw score units; infinite (nothing is rejected) without any normals
    false_reject_rate : (0, 1), the rate asked for
    confidence : (0, 1), how surely the rate is to be kept
    n_normals : held-out scores it was fitted on
    bound : [0, 1], the rate that is kept at that confidence; at most `false_reject_rate` if kept
        1 for an estimate, which promises nothing
    expected_rate : [0, 1], the mean rate over calibration sets
    n_missing : further normals (groups of them, where they come in groups) that the promise needs; 0 if kept
    n_groups : groups that the scores came in; as many as scores where each is its own
    interval : for an estimate, what it may as well be, in raw score units; else None
    n_confirmed : scores among them of images that a person called good
    """

    value: float
    false_reject_rate: float
    confidence: float
    n_normals: int
    bound: float
    expected_rate: float
    n_missing: int
    n_groups: int
    interval: tuple[float, float] | None = None
    n_confirmed: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether the normals were enough for the promise."""
        return self.n_missing == 0 and not self.is_estimated

    @property
    def is_estimated(self) -> bool:
        """Whether nothing is promised: it rests on images that nobody called good, or a few odd ones set the
        highest score.
        """
        return self.interval is not None

    @property
    def is_of_few(self) -> bool:
        """Whether it is an estimate of so few images that it is at least their highest score."""
        return self.is_estimated and self.n_normals < MIN_IMAGES

    @property
    def basis(self) -> str:
        """What a decision by it is worth: promised, short (of good images), estimated or none."""
        if not self.n_normals:
            return "none"
        return "promised" if self.is_kept else "estimated" if self.is_estimated else "short"

    def explain(self) -> str:
        """Return the promise in one or two plain sentences."""
        asked = f"at most {self.false_reject_rate:.2%} of good parts rejected"
        has_groups = self.n_groups < self.n_normals
        unit = "groups of good images" if has_groups else "good images"
        if self.is_kept:
            within = f" in {self.n_groups} groups" if has_groups else ""
            return (
                f"{asked}, with {self.confidence:.0%} confidence "
                f"(fitted on {self.n_normals} held-out good images{within})."
            )
        if not self.n_normals:
            return (
                f"No threshold: there are no good images to fit it on. The promise ({asked}, "
                f"{self.confidence:.0%} confidence) needs {self.n_missing}."
            )
        if self.interval is not None:
            low, high = self.interval
            needed = (
                f"needs {self.n_missing} more {unit}, drawn at random and confirmed"
                if self.n_missing
                else "is to be had: choose the rate anew; it may find less"
            )
            told = (
                f"of fewer than {MIN_IMAGES} images the threshold is at least the highest score, whatever "
                f"the rate ({self.n_normals} images, "
                if self.is_of_few
                else f"about {self.false_reject_rate:.2%} of good parts rejected, "
                f"judging by the bulk of {self.n_normals} images ("
            )
            return (
                f"Estimated, not promised: {told}{self.n_confirmed} confirmed good); from "
                f"{low:.4g} to {high:.4g} are as plausible. A promise ({self.confidence:.0%} confidence) "
                f"{needed}."
            )
        there = self.n_groups if has_groups else self.n_normals
        return (
            f"The promise ({asked}, {self.confidence:.0%} confidence) needs {self.n_missing} more {unit} "
            f"than the {there} there are. What these can promise: at most {self.bound:.1%}; "
            f"{self.expected_rate:.2%} on average."
        )


def fit_threshold(
    normal_scores: ArrayLike,
    false_reject_rate: float,
    confidence: float = DEFAULT_CONFIDENCE,
    *,
    groups: ArrayLike | None = None,
) -> Threshold:
    """Return the lowest threshold that keeps the promise, or the highest normal score if none can.

    Parameters
    ----------
    normal_scores : (n,) float, finite
        raw scores of normals that the scoring model was not fitted on
    false_reject_rate : (0, 1)
        share of good parts that may be rejected
    confidence : (0, 1)
        probability, over the draw of the normals, that the share is kept
    groups : (n,) integers, or None
        scores of one number belong together; the share is promised of images of new groups

    Raises
    ------
    ParameterError : a rate outside (0, 1), scores that are not finite, or groups that do not fit them.
    """
    check_share("false-reject rate", false_reject_rate)
    check_share("confidence", confidence)
    scores = np.asarray(normal_scores, np.float64).ravel()
    if not np.isfinite(scores).all():
        raise ParameterError("the calibration scores hold nan or infinity")
    n = len(scores)
    needed = n_normals_needed(false_reject_rate, confidence)
    if n == 0:
        return Threshold(inf, false_reject_rate, confidence, 0, 1.0, 1.0, needed, 0)
    numbers = own_groups(n, groups)
    m = len(np.unique(numbers))
    if m < n and m >= n_normals_needed(false_reject_rate, (1 + confidence) / 2):
        value, n_above = _fit_to_shares(scores, numbers, false_reject_rate, confidence)
        sureness = (1 + confidence) / 2
    else:
        highest = np.full(m, -inf)
        np.maximum.at(highest, numbers, scores)
        highest.sort()
        k = _lowest_rank(m, false_reject_rate, confidence) or m
        value, n_above, sureness = float(highest[k - 1]), m - k, confidence
    return Threshold(
        value=value,
        false_reject_rate=false_reject_rate,
        confidence=confidence,
        n_normals=n,
        bound=beta_quantile(sureness, n_above + 1, m - n_above),
        expected_rate=(n_above + 1) / (m + 1),
        n_missing=max(0, needed - m),
        n_groups=m,
        n_confirmed=n,
    )


def n_normals_needed(false_reject_rate: float, confidence: float = DEFAULT_CONFIDENCE) -> int:
    """Return the fewest held-out normals that can keep the promise: (1 - rate)^n <= 1 - confidence.

    Raises
    ------
    ParameterError : a rate outside (0, 1).
    """
    check_share("false-reject rate", false_reject_rate)
    check_share("confidence", confidence)
    return ceil(log1p(-confidence) / log1p(-false_reject_rate))


def _fit_to_shares(
    scores: Floats, groups: NDArray[np.int64], rate: float, confidence: float
) -> tuple[float, int]:
    """Return the lowest threshold whose sum of shares above is few enough, and that sum rounded up."""
    m = int(groups.max()) + 1
    weights = 1 / np.bincount(groups)[groups]
    order = np.argsort(-scores, kind="stable")
    # of each score: the sum over all groups of the share of their images that lies above it
    above = np.concatenate([[0.0], np.cumsum(weights[order])[:-1]])
    most = m - (_lowest_rank(m, rate, (1 + confidence) / 2) or m)
    is_kept = np.ceil(above - ROUNDING) <= most
    last = int(np.flatnonzero(is_kept)[-1])
    value = float(scores[order[last]])
    return value, int(np.ceil(above[np.argmax(scores[order] == value)] - ROUNDING))


def _lowest_rank(n: int, rate: float, confidence: float) -> int | None:
    """Return the smallest k in 1..n whose bound is within the rate, by bisection (the bound falls)."""
    if n < n_normals_needed(rate, confidence):  # the largest score's bound is beyond the rate
        return None
    low, high = 0, n  # the bound of `high` is within the rate, that of `low` is not
    while high - low > 1:
        middle = (low + high) // 2
        if beta_probability(rate, n + 1 - middle, middle) >= confidence:
            high = middle
        else:
            low = middle
    return high


def check_share(name: str, value: float) -> None:
    """Refuse what is not between 0 and 1, both excluded; ParameterError."""
    if not 0 < value < 1:
        usual = DEFAULT_CONFIDENCE if name == "confidence" else 0.01
        raise ParameterError(f"{name} is {value}; give a number between 0 and 1, such as {usual}")
