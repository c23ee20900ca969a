"""What Gaussians are fitted from, in a form that adds up: of parts of a collection, wherever they were read.

Source: Chan, Golub and LeVeque 1979 ("Updating formulae and a pairwise algorithm for computing sample
variances"), here of covariances and with weights. Nothing is lost by it but rounding of float64.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array

Double = NDArray[np.float64]

# Variance of features that never change, so that a constant image set still gives a finite field.
VARIANCE_FLOOR = 1e-4


@dataclass(frozen=True)
class Moments:
    """Weights, means and covariances of the samples of p cells in d dimensions.

    Attributes
    ----------
    n : samples of a cell, or (p,) their total weights
    means : (p, d) float64
    covariances : (p, d, d) float64, about these means
    """

    n: float | Double
    means: Double
    covariances: Double

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of the samples of both."""
        p = len(self.means)
        ours, theirs = (_per_cell(part.n, p) for part in (self, other))
        n = ours + theirs
        share = theirs / n
        apart = other.means - self.means
        covariances = np.empty_like(self.covariances)
        for cell in range(p):
            own, new = 1 - share[cell], share[cell]
            between = (own * new) * np.outer(apart[cell], apart[cell])
            covariances[cell] = (
                own * self.covariances[cell] + new * other.covariances[cell] + between
            )
        return Moments(self.n + other.n, self.means + share[:, None] * apart, covariances)

    def channel_spread(self) -> NDArray[np.float32]:
        """Return (d,) float32 > 0: how far a feature typically is from its cell's mean."""
        variances = np.einsum("pdd->pd", self.covariances).mean(axis=0)
        spread: NDArray[np.float32] = np.sqrt(np.maximum(variances, VARIANCE_FLOOR)).astype(
            np.float32
        )
        return spread

    def arrays(self) -> dict[str, Double]:
        """Return the moments with the lower triangles of the covariances."""
        p, d = self.means.shape
        rows, columns = np.tril_indices(d)
        return {
            "n": _per_cell(self.n, p),
            "means": self.means,
            "covariances": self.covariances[:, rows, columns],
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "Moments":
        """Return what `arrays` gave, under a prefix; ParameterError where shapes do not fit."""
        means = check_array(arrays, f"{prefix}.means", (None, None))
        p, d = means.shape
        triangles = check_array(arrays, f"{prefix}.covariances", (p, d * (d + 1) // 2))
        rows, columns = np.tril_indices(d)
        covariances = np.empty((p, d, d))
        covariances[:, rows, columns] = triangles
        covariances[:, columns, rows] = triangles
        return cls(check_array(arrays, f"{prefix}.n", (p,)), means, covariances)


def _per_cell(n: float | Double, p: int) -> Double:
    """Return (p,), what the samples of each cell weigh."""
    return np.broadcast_to(np.asarray(n, np.float64), (p,))
