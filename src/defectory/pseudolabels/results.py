"""What the pseudo-labeler found, and why, sample by sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label

_NAMES = {Label.NORMAL: "normal", Label.ANOMALOUS: "anomalous"}


@dataclass(frozen=True)
class PseudoLabels:
    """Labels of one round.

    Attributes
    ----------
    labels : (n,) int8 codes of Label
        confirmed ones as they were given; UNLABELED where the models do not agree
    is_confirmed : (n,) bool, labels that a person gave
    votes : (n, K) int8 codes of Label
        UNLABELED where a model does not say; confirmed samples are not voted on
    thresholds : (K, 2) float64, eta^n and eta^p of each model
    scores : (n, K) float32, higher = more anomalous; samples of a model's own subset without themselves
        unless asked otherwise
    round : when they were given
    """

    labels: NDArray[np.int8]
    is_confirmed: NDArray[np.bool_]
    votes: NDArray[np.int8]
    thresholds: NDArray[np.float64]
    scores: NDArray[np.float32]
    round: int

    def __len__(self) -> int:
        return len(self.labels)

    def records(self) -> list[dict[str, Any]]:
        """Return one JSON-ready record a sample, in order, with the reason in a plain sentence."""
        thresholds = self.thresholds.tolist()
        return [
            {
                "index": i,
                "label": int(self.labels[i]),
                "is_confirmed": bool(self.is_confirmed[i]),
                "round": self.round,
                "votes": self.votes[i].tolist(),
                "scores": self.scores[i].tolist(),
                "thresholds": thresholds,
                "reason": self.reason(i),
            }
            for i in range(len(self))
        ]

    def reason(self, index: int) -> str:
        """Return why the sample got its label, or none."""
        label = Label(int(self.labels[index]))
        if self.is_confirmed[index]:
            return f"A person confirmed it as {_NAMES[label]}."
        k = self.votes.shape[1]
        counts = {code: int((self.votes[index] == code).sum()) for code in _NAMES}
        if label in _NAMES:
            side = "above their anomaly" if label == Label.ANOMALOUS else "below their normal"
            return f"{counts[label]} of {k} models score it {side} threshold: {_NAMES[label]}."
        return (
            f"{counts[Label.ANOMALOUS]} of {k} models vote anomalous and {counts[Label.NORMAL]} normal; "
            "all must agree, so it stays unknown."
        )
