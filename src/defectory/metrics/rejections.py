"""How many images are rejected at every threshold, and what follows from those counts alone.

AUROC, average precision and recall at a false-reject rate see the scores only through these counts.
They are sums over images, so a bootstrap resample, which is a count per image, needs no new sort.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


class Rejections(NamedTuple):
    """Rejected images at falling thresholds, ties rejected together; leading axes are resamples.

    Attributes
    ----------
    normal, anomalous : (..., t + 1) int64
        Column 0 rejects nothing, the last column everything.
    """

    normal: Counts
    anomalous: Counts


class Ranking:
    """The images in order of falling score, sorted once.

    Parameters
    ----------
    scores : (n,) float64, higher = more anomalous, no NaN

    Attributes
    ----------
    order : (n,) int64, the image at each place
    thresholds : (t,) float64, the distinct scores, falling
    """

    def __init__(self, scores: NDArray[np.float64]) -> None:
        self.order: Counts = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        last_of_tie = np.append(ranked[1:] != ranked[:-1], True)[: ranked.size]
        self._ends = np.flatnonzero(last_of_tie)
        self.thresholds: NDArray[np.float64] = ranked[self._ends]

    def rejected(self, weights: Counts) -> Counts:
        """Return (..., t + 1) sums of (..., n) ranked weights, down to each threshold."""
        sums = np.zeros((*weights.shape[:-1], self._ends.size + 1), dtype=np.int64)
        sums[..., 1:] = np.cumsum(weights, axis=-1)[..., self._ends]
        return sums


def area_under_roc(rejections: Rejections) -> NDArray[np.float64]:
    """Return (...) areas by the trapezoid rule, a tie counting a half; both classes must occur."""
    normal, anomalous = rejections
    doubled = np.diff(normal) * (anomalous[..., 1:] + anomalous[..., :-1])
    pairs = normal[..., -1] * anomalous[..., -1]
    return np.asarray(doubled.sum(axis=-1) / (2.0 * pairs))


def average_of_precision(rejections: Rejections) -> NDArray[np.float64]:
    """Return (...) precisions averaged over the steps of recall; anomalous images must occur."""
    normal, anomalous = (counts[..., 1:] for counts in rejections)
    # In a resample nothing may be rejected yet; the step of recall is 0 there.
    precision = anomalous / np.maximum(normal + anomalous, 1)
    found = np.diff(rejections.anomalous)
    return np.asarray((found * precision).sum(axis=-1) / anomalous[..., -1])


def recall_at(rejections: Rejections, rate: float = 0.01) -> NDArray[np.float64]:
    """Return (...) highest recalls with at most `rate` of the normals rejected; both must occur."""
    normal, anomalous = rejections
    allowed = normal / normal[..., -1:] <= rate
    return np.asarray((anomalous * allowed).max(axis=-1) / anomalous[..., -1])
