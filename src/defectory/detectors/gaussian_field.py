"""One Gaussian a cell, fitted from a stream of samples, with leave-one-out distances for free."""

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.parallel import count_cores, map_ordered
from defectory.domain import DataError

Float = NDArray[np.float32]

# Samples gathered before they are added to the second moments by one matrix product.
_BLOCK = 64
# Keeps the leave-one-out system solvable after rounding, where an image is all that a direction knows.
_ROUNDING = 1e-6
# Variance of features that never change, so that a constant image set still gives a finite field.
_FLOOR = 1e-4
_FLOAT16_MAX = 6e4
_NOTHING = "there is no image to learn what is normal from"


class GaussianField:
    """Means and whitening matrices of p independent Gaussians in d dimensions.

    Source: Defard et al. 2020 (PaDiM), a Gaussian a position. Differs from it: covariances are shrunk towards
    a multiple of the identity that is proportional to their own trace (PaDiM adds a constant, whatever
    the scale of the features), all features are kept (PaDiM draws a random subset), and whitening
    matrices are rounded to float16 and stored as triangles, so that a bundle stays small.

    Attributes
    ----------
    means : (p, d) float32
    whitening : (p, d, d) float32, lower triangular L^-1 of the Cholesky factor L
    n_samples : how many samples a cell was fitted on
    shrinkage : weight of the identity in the covariances
    """

    def __init__(self, means: Float, whitening: Float, n_samples: int, shrinkage: float) -> None:
        self.means = means
        self.whitening = whitening
        self.n_samples = n_samples
        self.shrinkage = shrinkage

    def distances(self, samples: Float) -> Float:
        """Return Mahalanobis distances.

        Parameters
        ----------
        samples : (p, b, d) float32, b samples a cell

        Returns
        -------
        (p, b) float32
        """
        white = self._whiten(samples)
        found: Float = np.sqrt(np.einsum("pbd,pbd->pb", white, white))
        return found

    def leave_one_out(self, samples: Float) -> Float:
        """Return the distances of one training image, measured by the field fitted without it.

        Taking the b samples Z of the image out of a cell moves its mean to make their deviations M Z and its
        shrunk scatter A to A - s Z' M Z, with M = I + 11' / (n - b) and s = 1 - shrinkage. By Woodbury's
        identity, with Q = Z A^-1 Z', the squared distances become (n - b) diag(M (I - s Q M)^-1 Q M): exact
        but for the shrinkage target, which is kept.

        Parameters
        ----------
        samples : (p, i, b, d) float32, i images with b samples a cell, all of which were fitted on

        Returns
        -------
        (p, i, b) float32

        Raises
        ------
        DataError : one image is all there was.
        """
        p, i, b, d = samples.shape
        n = self.n_samples
        if n <= b:
            raise DataError("one image is too few to tell what is normal; give at least two")
        white = self._whiten(samples.reshape(p, i * b, d)).reshape(samples.shape)
        q = np.matmul(white, white.swapaxes(2, 3)).astype(np.float64) / n
        m = np.eye(b) + np.full((b, b), 1 / (n - b))
        inner = np.linalg.solve((1 + _ROUNDING) * np.eye(b) - (1 - self.shrinkage) * q @ m, q)
        squares = (n - b) * np.einsum("pibb->pib", m @ inner @ m)
        found: Float = np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
        return found

    def round(self) -> None:
        """Round the whitening to float16 in place, as bundles store it.

        Only after leave_one_out: an image that alone knows a direction is off by less than the rounding.
        """
        np.clip(self.whitening, -_FLOAT16_MAX, _FLOAT16_MAX, out=self.whitening)
        for cell in self.whitening:
            cell[...] = cell.astype(np.float16)

    def arrays(self) -> dict[str, Float]:
        """Return the state: means and the lower triangles in float16, exact after `round`."""
        rows, columns = np.tril_indices(self.means.shape[1])
        triangles = self.whitening[:, rows, columns].astype(np.float16)
        return {"means": self.means, "triangles": triangles}  # type: ignore[dict-item]

    @classmethod
    def from_arrays(
        cls, means: Float, triangles: NDArray[np.float16], n_samples: int, shrinkage: float
    ) -> "GaussianField":
        """Return the field that `arrays` described; ValueError where the shapes do not fit."""
        p, d = means.shape
        if triangles.shape != (p, d * (d + 1) // 2):
            raise ValueError(f"triangles {triangles.shape} do not fit means {means.shape}")
        whitening = np.zeros((p, d, d), np.float32)
        end = 0
        for row in range(d):  # row by row: many times faster than one index for all
            start, end = end, end + row + 1
            whitening[:, row, : row + 1] = triangles[:, start:end]
        return cls(np.asarray(means, np.float32), whitening, n_samples, shrinkage)

    def _whiten(self, samples: Float) -> Float:
        white: Float = np.matmul(
            samples - self.means[:, None, :], self.whitening.transpose(0, 2, 1)
        )
        return white


class FieldFitter:
    """Streams samples into a GaussianField: memory does not grow with their number.

    Parameters
    ----------
    shrinkage : (0, 1]
        weight of the identity in the covariance; more is steadier with few images
    """

    def __init__(self, shrinkage: float) -> None:
        self._shrinkage = shrinkage
        self._block: list[Float] = []
        self._origin: Float | None = None
        self._sums: NDArray[np.float64] | None = None
        self._products: Float | None = None
        self._n = 0

    def add(self, samples: Float) -> None:
        """Take (p, b, d) float32, b samples a cell."""
        self._block.append(samples)
        if sum(part.shape[1] for part in self._block) >= _BLOCK:
            self._flush()

    def channel_spread(self) -> Float:
        """Return (d,) float32 > 0: how far a feature typically is from its cell's mean. Before `finish`."""
        if self._block:
            self._flush()
        if self._products is None or self._sums is None:
            raise DataError(_NOTHING)
        squares = np.einsum("pdd->pd", self._products) / self._n
        variances = np.maximum(squares - (self._sums / self._n) ** 2, 0).mean(axis=0)
        spread: Float = np.sqrt(np.maximum(variances, _FLOOR)).astype(np.float32)
        return spread

    def finish(self) -> GaussianField:
        """Return the fitted field; DataError if nothing was added."""
        if self._block:
            self._flush()
        if self._products is None or self._sums is None or self._origin is None:
            raise DataError(_NOTHING)
        n, shift = self._n, (self._sums / self._n).astype(np.float32)
        whitening, self._products = (
            self._products,
            None,
        )  # one cell after the other changes its meaning

        def whiten_cell(cell: int) -> None:
            covariance = whitening[cell] / n - np.outer(shift[cell], shift[cell])
            whitening[cell] = _whiten_covariance(covariance, self._shrinkage)

        for _ in map_ordered(whiten_cell, range(len(whitening)), count_cores()):
            pass
        return GaussianField(self._origin + shift, whitening, n, self._shrinkage)

    def _flush(self) -> None:
        samples = np.concatenate(self._block, axis=1)
        self._block = []
        if self._origin is None or self._sums is None or self._products is None:
            p, _, d = samples.shape
            # Moments are taken about the first block's mean: in float32, moments about zero would lose
            # the small variances that matter most.
            self._origin = samples.mean(axis=1)
            self._sums = np.zeros((p, d))
            self._products = np.zeros((p, d, d), np.float32)
        centered = samples - self._origin[:, None, :]
        self._sums += centered.sum(axis=1, dtype=np.float64)
        self._products += np.matmul(centered.transpose(0, 2, 1), centered)
        self._n += samples.shape[1]


def _whiten_covariance(covariance: Float, shrinkage: float) -> Float:
    """Return the lower triangular whitening matrix."""
    d = len(covariance)
    level = max(float(np.trace(covariance)) / d, _FLOOR)
    shrunk = (1 - shrinkage) * covariance.astype(np.float64)
    shrunk[np.diag_indices(d)] += shrinkage * level
    factor = np.linalg.cholesky(shrunk)
    return np.tril(np.linalg.inv(factor)).astype(np.float32)
