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
from defectory.detectors.gaussian_field import (
    ROUNDING,
    VARIANCE_FLOOR,
    Double,
    Float,
    GaussianField,
    inverse_triangle,
)
from defectory.domain import DataError
from defectory.machine import count_cores, map_ordered

# Samples gathered before they are added to the second moments by one matrix product.
_BLOCK = 64
_NOTHING = "there is no image to learn what is normal from"


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


class RunningMoments:
    """Moments of a stream of samples: memory does not grow with their number."""

    def __init__(self) -> None:
        self._block: list[tuple[Float, Float | None]] = []
        self._origin: Double | None = None
        self._sums: Double | None = None
        self._products: Double | None = None
        self._n: float | Double = 0

    def add(self, samples: Float, weights: Float | None = None) -> None:
        """Take (p, b, d) float32, b samples a cell, of (p, b) weights in [0, 1]; all 1 if None."""
        self._block.append((samples, weights))
        if sum(part.shape[1] for part, _ in self._block) >= _BLOCK:
            self._flush()

    def moments(self) -> Moments:
        """Return what was added, in one; DataError if nothing was. It is forgotten then."""
        if self._block:
            self._flush()
        if self._products is None or self._sums is None or self._origin is None:
            raise DataError(_NOTHING)
        n = np.broadcast_to(np.asarray(self._n, np.float64), (len(self._sums),))
        shift = self._sums / n[:, None]
        # one cell after the other changes its meaning: they are too large for two
        covariances, self._products = self._products, None
        for cell, covariance in enumerate(covariances):
            covariance /= n[cell]
            covariance -= np.outer(shift[cell], shift[cell])
        return Moments(self._n, self._origin + shift, covariances)

    def _flush(self) -> None:
        samples = np.concatenate([part for part, _ in self._block], axis=1)
        weights = self._block_weights()
        self._block = []
        if self._origin is None or self._sums is None or self._products is None:
            p, _, d = samples.shape
            # Moments about zero would lose the small variances that matter most.
            self._origin = samples.mean(axis=1, dtype=np.float64)
            self._sums = np.zeros((p, d))
            self._products = np.zeros((p, d, d))
        # In float64, which blocks a process makes of its images does not show in the result.
        centered = samples - self._origin[:, None, :]
        weighted = centered if weights is None else centered * weights[:, :, None]
        self._sums += weighted.sum(axis=1)
        # Not all cells at once: that would be as much memory again, and slower by what its pages cost.
        for product, left, right in zip(self._products, weighted, centered, strict=True):
            product += left.T @ right
        total = (
            float(samples.shape[1]) if weights is None else weights.sum(axis=1, dtype=np.float64)
        )
        self._n = self._n + total

    def _block_weights(self) -> Float | None:
        """Return (p, b) of the block's samples; None if nothing was weighted."""
        if all(weights is None for _, weights in self._block):
            return None
        parts = [np.ones(x.shape[:2], np.float32) if w is None else w for x, w in self._block]
        return np.concatenate(parts, axis=1)


def moments_of(field: GaussianField, target: Float | None = None) -> Moments:
    """Return the moments that a field was fitted on, as exact as the whitening is kept.

    Parameters
    ----------
    target : as `GaussianField.of` was given it
    """
    p, d = field.means.shape
    covariances = np.empty((p, d, d))

    def unwhiten_cell(cell: int) -> None:
        factor = inverse_triangle(field.whitening[cell].astype(np.float64))
        shrunk = factor @ factor.T
        level = np.trace(shrunk) / d  # of the covariance, too: the target's mean is 1
        shrunk[np.diag_indices(d)] -= field.shrinkage * level * (1.0 if target is None else target)
        covariances[cell] = shrunk / max(1 - field.shrinkage, ROUNDING)

    for _ in map_ordered(unwhiten_cell, range(p), count_cores()):
        pass
    n = field.n_samples
    weight = n.astype(np.float64) if isinstance(n, np.ndarray) else n
    return Moments(weight, field.means.astype(np.float64), covariances)


def _per_cell(n: float | Double, p: int) -> Double:
    """Return (p,), what the samples of each cell weigh."""
    return np.broadcast_to(np.asarray(n, np.float64), (p,))
