"""Whether a learned addition pays: judged on confirmed labels that it has not learned from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label

Float = NDArray[np.float32]

# Fewer confirmed anomalies than this show nothing.
_LEAST_ANOMALIES = 3
# Where one anomaly alone loses, loss and standard error are the same number.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What the guard decided on one mechanism.

    Attributes
    ----------
    name : of the mechanism
    is_kept : whether it stays
    gain : mean change of the share of normal images that a confirmed anomaly outscores; 0 where unknown
    error : standard error of the gain; inf where unknown
    n_anomalies : confirmed anomalies it was judged on
    """

    name: str
    is_kept: bool
    gain: float
    error: float
    n_anomalies: int

    def to_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "name": self.name,
            "kept": self.is_kept,
            "gain": self.gain,
            "error": None if np.isinf(self.error) else self.error,
            "n_anomalies": self.n_anomalies,
        }

    def explain(self) -> str:
        """Return it in words."""
        outcome = "kept" if self.is_kept else "left out"
        if np.isinf(self.error):
            return f"{self.name} {outcome}: too few labels to judge it"
        points = f"{100 * self.gain:+.1f} +- {100 * self.error:.1f} points"
        return f"{self.name} {outcome}: {points} on labels held out"


def judge(name: str, baseline: Float, candidate: Float, codes: NDArray[np.int8]) -> Verdict:
    """Return whether confirmed labels speak against the candidate's scores.

    Parameters
    ----------
    name : of the mechanism
    baseline, candidate : (n,) float32 scores, each image's by models that have not learned from it
    codes : (n,) codes of Label

    Notes
    -----
    For each confirmed anomaly: the share of all other images that it outscores (half for ties), with the
    mechanism less without it. Unlabeled anomalies among those others only scale the gain down, as many of
    them lie above as below on average. The mechanism is left out where the mean loss exceeds its standard
    error. It is not asked to prove itself: five labels prove nothing, and it runs only where the collection
    has shown contamination.
    """
    anomalies = codes == Label.ANOMALOUS
    n = int(anomalies.sum())
    if n < _LEAST_ANOMALIES:
        return Verdict(name, True, 0.0, float("inf"), n)
    change = _outscored(candidate, anomalies) - _outscored(baseline, anomalies)
    gain, error = float(change.mean()), float(change.std(ddof=1)) / n**0.5
    return Verdict(name, gain >= -error - _ROUNDING, gain, error, n)


def _outscored(scores: Float, anomalies: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, for each anomaly, the share of the other images that score less."""
    ordered = np.sort(scores[~anomalies])
    below = np.searchsorted(ordered, scores[anomalies], "left")
    up_to = np.searchsorted(ordered, scores[anomalies], "right")
    shares: NDArray[np.float64] = (below + up_to) / (2 * len(ordered))
    return shares
