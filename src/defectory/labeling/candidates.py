"""What is known of the images that a person may be asked about."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Decision, Label, ParameterError, own_groups
from defectory.domain.scores import Outcome

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Candidates:
    """What is known of n images.

    Attributes
    ----------
    scores : (n,) float64, raw image scores
    threshold : above it an image is rejected; inf where there is none
    codes : (n,) int8 of Label; UNLABELED ones may be asked about
    embeddings : (n, d) float32, for diversity; None where they are not known
    groups : (n,) int64, images of one number show the same thing and are asked about once, one below 0 has
        none; None: each its own
    suspicions : (n,) float64 in [0, 1], how much the fit distrusts an image; None where it does not say
    disagreements : (n,) float64, >= 0, of views or folds; None where they are not known
    holders : (k,) int64, indices of good images that hold the threshold up, the costliest first
    accept_threshold : a score from it up to the threshold is for a person; None where none is

    Raises
    ------
    ParameterError : something is not said of n images, or a holder is none of them.
    """

    scores: Floats
    threshold: float
    codes: NDArray[np.int8]
    embeddings: NDArray[np.float32] | None = None
    groups: NDArray[np.int64] | None = None
    suspicions: Floats | None = None
    disagreements: Floats | None = None
    holders: NDArray[np.int64] = field(default_factory=_none)
    accept_threshold: float | None = None

    def __post_init__(self) -> None:
        n = len(self.scores)
        told = (self.codes, self.embeddings, self.groups, self.suspicions, self.disagreements)
        if any(values is not None and len(values) != n for values in told):
            raise ParameterError(f"what is known of {n} images to ask about is of other lengths")
        if not np.isfinite(self.scores).all():
            raise ParameterError("scores of images to ask about have to be finite")
        if len(self.holders) and not (self.holders.min() >= 0 and self.holders.max() < n):
            raise ParameterError(f"a holder of the threshold is none of {n} images")

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def own_groups(self) -> NDArray[np.int64]:
        """(n,) int64 >= 0: numbers of the groups; every image without one has its own."""
        return own_groups(len(self), self.groups)

    @property
    def is_open(self) -> NDArray[np.bool_]:
        """(n,) bool: images that nobody labeled, nor another of their group."""
        groups = self.own_groups
        labeled = self.codes != Label.UNLABELED
        found: NDArray[np.bool_] = ~labeled & ~np.isin(groups, groups[labeled])
        return found

    def decision(self, index: int) -> Outcome:
        """Return what becomes of an image."""
        score = float(self.scores[index])
        is_rejected = score > self.threshold
        return Decision(
            score, self.threshold, is_rejected, accept_threshold=self.accept_threshold
        ).outcome


def spread_labels(codes: NDArray[np.int8], groups: NDArray[np.int64] | None) -> NDArray[np.int8]:
    """Return (n,) int8 codes in which a label counts for all images of its group that have none.

    Where a group is labeled both ways, one of its pictures shows a defect: that counts.

    Parameters
    ----------
    codes : (n,) int8 of Label
    groups : (n,) int64, below 0 where there is none; None: each its own
    """
    numbers = own_groups(len(codes), groups)
    found = codes.copy()
    for label in (Label.NORMAL, Label.ANOMALOUS):
        found[(codes == Label.UNLABELED) & np.isin(numbers, numbers[codes == label])] = label
    return found
