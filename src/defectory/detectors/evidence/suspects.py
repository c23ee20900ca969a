"""Which unlabeled images to distrust, how much they still count in what is normal, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.measurements import Weights
from defectory.domain import Label, Suspect

Float = NDArray[np.float32]

# Robust deviations at which an image's weight, and a place's, has fallen to a half.
_HALF_IMAGE, _HALF_PLACE = 2.0, 4.0
# Robust deviations above which one view of an image votes it anomalous.
_VOTE = 2.5
_NORMAL_IQR = 1.349
_LEAST_SPREAD = 1e-6


def robust_deviations(values: Float) -> Float:
    """Return values in deviations of their bulk, which a tail cannot move."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    found: Float = (values - middle) / max(float(high - low) / _NORMAL_IQR, _LEAST_SPREAD)
    return found.astype(np.float32)


def weigh(deviations: Float, places: Float, codes: NDArray[np.int8]) -> Weights:
    """Return how much images count in what is normal, less the odder they and their places are.

    Parameters
    ----------
    deviations : (n,) float32, robust deviations of the images' scores
    places : (n, p) float32, standardized distances
    codes : (n,) codes of Label; confirmed normals count fully

    Notes
    -----
    Weights are those of Student's t with growing distance: no image is thrown out at a threshold, so that
    a clean collection with a long tail loses little.
    """
    image = 1 / (1 + np.square(np.maximum(deviations, 0) / _HALF_IMAGE))
    place = 1 / (1 + np.square(np.maximum(places, 0) / _HALF_PLACE))
    is_confirmed = codes == Label.NORMAL
    image[is_confirmed], place[is_confirmed] = 1.0, 1.0
    return Weights(image.astype(np.float32), (image[:, None] * place).astype(np.float32))


@dataclass(frozen=True)
class ViewDeviations:
    """Left-out scores of n images from several sides, in robust deviations.

    Attributes
    ----------
    names : of the sides, for the reason that a person reads
    deviations : (sides, n) float32
    """

    names: Sequence[str]
    deviations: Float

    def votes(self, row: int) -> list[str]:
        """Return the names of the sides that call the image anomalous."""
        found = self.deviations[:, row] > _VOTE
        return [name for name, votes in zip(self.names, found, strict=True) if votes]


def list_suspects(
    indices: NDArray[np.intp], scores: Float, weights: Float, views: ViewDeviations, number: int
) -> tuple[Suspect, ...]:
    """Return the images of little weight, oddest first; `number` is the round that they were found in."""
    order = np.argsort(-scores, kind="stable")
    found = (
        Suspect(
            index=int(indices[row]),
            score=float(scores[row]),
            weight=float(weights[row]),
            votes=len(views.votes(row)),
            n_votes=len(views.names),
            round=number,
            reason=_explain(views, row),
        )
        for row in order
    )
    return tuple(suspect for suspect in found if suspect.is_distrusted)


def _explain(views: ViewDeviations, row: int) -> str:
    votes = views.votes(row)
    by = " and ".join(votes) if votes else "none of its views alone"
    return f"odd by {by}: up to {views.deviations[:, row].max():.1f} deviations above what is usual here"
