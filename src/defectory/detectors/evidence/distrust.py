"""Which unlabeled images to distrust, and how much say that leaves them in what is normal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.measurements import Weights
from defectory.domain import Label, Suspect

Float = NDArray[np.float32]

# Robust deviations at which an image's say, and a cell's, has fallen to a half.
_HALF_IMAGE, _HALF_CELL = 2.0, 8.0**0.5
# Below this say an image is listed as a suspect.
_SUSPECT_WEIGHT = 0.3
# Robust deviations above which one view of an image votes it anomalous.
_VOTE = 2.5
_NORMAL_IQR = 1.349
_LEAST_SPREAD = 1e-6


def robust_deviations(values: Float, reference: Float) -> Float:
    """Return values in deviations of the reference's bulk, which a tail cannot move."""
    low, middle, high = np.quantile(reference, (0.25, 0.5, 0.75))
    found: Float = (values - middle) / max(float(high - low) / _NORMAL_IQR, _LEAST_SPREAD)
    return found.astype(np.float32)


def weigh(deviations: Float, cells: Float, codes: NDArray[np.int8]) -> Weights:
    """Return what images have to say in what is normal, less the odder they are.

    Parameters
    ----------
    deviations : (n,) float32, robust deviations of the images' scores
    cells : (n, p) float32, standardized distances of their cells
    codes : (n,) codes of Label; confirmed normals keep all their say

    Notes
    -----
    Weights are those of Student's t with growing distance: no image is thrown out at a threshold, so that
    a clean collection with a long tail loses little.
    """
    image = 1 / (1 + np.square(np.maximum(deviations, 0) / _HALF_IMAGE))
    cell = 1 / (1 + np.square(np.maximum(cells, 0) / _HALF_CELL))
    is_confirmed = codes == Label.NORMAL
    image[is_confirmed], cell[is_confirmed] = 1.0, 1.0
    both = (image[:, None] * cell).T
    return Weights(np.ascontiguousarray(both, np.float32), image.astype(np.float32))


@dataclass(frozen=True)
class Views:
    """Left-out scores of n images from several sides, in robust deviations.

    Attributes
    ----------
    names : of the views, for the reason that a person reads
    deviations : (views, n) float32
    """

    names: Sequence[str]
    deviations: Float

    def votes(self, row: int) -> list[str]:
        """Return the names of the views that call the image anomalous."""
        found = self.deviations[:, row] > _VOTE
        return [name for name, votes in zip(self.names, found, strict=True) if votes]


def list_suspects(
    indices: NDArray[np.intp], scores: Float, weights: Float, views: Views, number: int
) -> tuple[Suspect, ...]:
    """Return the images with little say, oddest first; `number` is the round that they were found in."""
    order = np.argsort(-scores, kind="stable")
    return tuple(
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
        if weights[row] < _SUSPECT_WEIGHT
    )


def _explain(views: Views, row: int) -> str:
    strongest = int(np.argmax(views.deviations[:, row]))
    votes = views.votes(row)
    by = " and ".join(votes) if votes else "none of its views alone"
    return (
        f"odd by {by}: {views.names[strongest]} is "
        f"{views.deviations[strongest, row]:.1f} deviations above what is usual here"
    )
