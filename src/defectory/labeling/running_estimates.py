"""How good decisions are, as far as labels of images drawn at random can say."""

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from defectory.calibration.binomial import clopper_pearson
from defectory.domain import Label, ParameterError

_Z = 1.959964  # of a 95 % interval
# Seen so often -> the least that a Poisson variable may be expected to give, at 95 % confidence.
_FEWEST = {1: 0.0513, 2: 0.3554, 3: 0.8177}


@dataclass(frozen=True)
class ShareEstimate:
    """A share of images and its 95 % interval.

    Attributes
    ----------
    value, lower, upper : [0, 1]
    """

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class RunningEstimate:
    """What the random part of a review says so far; None where it cannot say anything.

    Attributes
    ----------
    defect_ratio : share of all images that are defective
    recall : share of the defective images that are rejected
    precision : share of the rejected images that are defective
    n_random : labeled images drawn at random
    """

    defect_ratio: ShareEstimate | None
    recall: ShareEstimate | None
    precision: ShareEstimate | None
    n_random: int


def estimate_running(
    scores: NDArray[np.float64],
    threshold: float,
    codes: NDArray[np.int8],
    is_random: NDArray[np.bool_],
) -> RunningEstimate:
    """Return defect ratio, recall and precision on all images, from labels of the random part alone.

    Parameters
    ----------
    scores : (n,) float64, raw image scores; of images that the detector has learned from, left-out ones
        where they are known: its scores of those are too good
    threshold : above it an image is rejected
    codes : (n,) int8 of Label; see `spread_labels`
    is_random : (n,) bool, the images that `find_random_part` gives: each was drawn uniformly from what was
        unlabeled at the time, and none is left out for what others asked

    Raises
    ------
    ParameterError : lengths differ, or an image of the random part has no label.

    Notes
    -----
    The random part is a simple random sample without replacement. So is, given their number, the part of it
    that is defective, among all defective images, and the part that is rejected, among all rejected ones:
    counted shares are unbiased (Cochran, "Sampling Techniques", 3rd ed. 1977, section 2.12, domains of
    study). Defect ratio: the interval of Wilson 1927, with the sample size that the finite population makes
    of it, n (N - 1) / (N - n), and with the ends that Brown, Cai and DasGupta, "Interval estimation for a
    binomial proportion", Statistical Science 2001, give it where up to three images are of the rarer kind:
    Wilson's are too short there. Recall and precision rest on few images, where Wilson's interval can be too
    short: Clopper and Pearson 1934, which holds for each number of them. Random: nothing.
    """
    if not len(scores) == len(codes) == len(is_random):
        raise ParameterError(
            f"{len(scores)} scores, {len(codes)} labels and {len(is_random)} marks are not of the same images"
        )
    known = codes[is_random]
    if (known == Label.UNLABELED).any():
        raise ParameterError("an image of the random part has no label")
    is_bad, is_rejected = known == Label.ANOMALOUS, scores[is_random] > threshold
    n_found = int((is_bad & is_rejected).sum())
    n_bad, n_rejected, n = int(is_bad.sum()), int(is_rejected.sum()), len(known)
    return RunningEstimate(
        defect_ratio=_wilson(n_bad, n, len(codes)) if n else None,
        recall=_exact(n_found, n_bad) if n_bad else None,
        precision=_exact(n_found, n_rejected) if n_rejected else None,
        n_random=n,
    )


def _exact(k: int, n: int) -> ShareEstimate:
    return ShareEstimate(k / n, *clopper_pearson(k, n))


def _wilson(k: int, n: int, n_all: int) -> ShareEstimate:
    """Return the share of n images drawn from a finite number of them."""
    share = k / n
    if n == n_all:
        return ShareEstimate(share, share, share)
    size = n * (n_all - 1) / (n_all - n)
    z = _Z**2 / size
    half = sqrt(z * share * (1 - share) + z * z / 4)
    low, high = ((share + z / 2 + sign * half) / (1 + z) for sign in (-1, 1))
    low = min(low, _FEWEST.get(k, inf) / size)
    high = max(high, 1 - _FEWEST.get(n - k, inf) / size)
    # What was seen already is certain: k of all are defective, n - k are not.
    return ShareEstimate(share, max(0.0, low, k / n_all), min(1.0, high, 1 - (n - k) / n_all))
