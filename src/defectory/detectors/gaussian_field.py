"""One Gaussian a cell, with leave-one-out distances for free; `moments` has what it is fitted from."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.domain import DataError
from defectory.machine import count_cores, map_ordered

if TYPE_CHECKING:  # of fits alone
    from defectory.detectors.moments import Moments

Float = NDArray[np.float32]
Double = NDArray[np.float64]

# Samples that are whitened by one matrix product. A sample's rounding must not depend on its place among
# others: OpenBLAS treats so many columns alike (by its kernels for x86 from Prescott to Sapphire Rapids), but
# not, on Haswell and Zen, 32 of them.
_COLUMNS = 16
# Variance of features that never change, so that a constant image set still gives a finite field.
VARIANCE_FLOOR = 1e-4
# Keeps the leave-one-out system solvable after rounding, where an image is all that a direction knows.
ROUNDING = 1e-6
_FLOAT16_MAX = 6e4
# Share of what is known of its direction that a sample is taken for at most.
_MOST_LEVERAGE = 0.9
# Triangles up to this side are inverted in one go.
_SMALL = 64


class GaussianField:
    """Means and whitening matrices of p independent Gaussians in d dimensions.

    Source: Defard et al. 2020 (PaDiM), a Gaussian a position. Differs from it: covariances are shrunk towards
    a diagonal, by default a multiple of the identity, that is proportional to their own trace (PaDiM adds a
    constant, whatever the scale of the features), all features are kept (PaDiM draws a random subset), and
    whitening matrices are rounded to float16 and stored as triangles, so that a bundle stays small.

    Attributes
    ----------
    means : (p, d) float32
    whitening : (p, d, d) float32, lower triangular L^-1 of the Cholesky factor L
    n_samples : how many samples a cell was fitted on, or (p,) their total weight
    shrinkage : weight of the identity in the covariances
    """

    def __init__(
        self, means: Float, whitening: Float, n_samples: float | Float, shrinkage: float
    ) -> None:
        self.means = means
        self.whitening = whitening
        self.n_samples = n_samples
        self.shrinkage = shrinkage

    @classmethod
    def of(
        cls, moments: "Moments", shrinkage: float, target: Float | None = None
    ) -> "GaussianField":
        """Return the field of these moments.

        Parameters
        ----------
        shrinkage : (0, 1]
        target : (d,) > 0 of mean 1, relative variances that covariances are shrunk towards; None for all 1
        """
        whitening = np.empty(moments.covariances.shape, np.float32)

        def whiten_cell(cell: int) -> None:
            whitening[cell] = _whiten_covariance(moments.covariances[cell], shrinkage, target)

        for _ in map_ordered(whiten_cell, range(len(whitening)), count_cores()):
            pass
        n = moments.n
        weight = n.astype(np.float32) if isinstance(n, np.ndarray) else n
        return cls(moments.means.astype(np.float32), whitening, weight, shrinkage)

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

    def mean_squares(self, moments: "Moments") -> Double:
        """Return (p,) mean squared distances of samples of which only the moments are known, each left out.

        The mean of d^2 over samples of covariance C and mean m is tr(L^-1 C L^-T) + |L^-1 (m - mean)|^2. To
        leave a sample of n out makes d^2 to d^2 / (1 - (1 - shrinkage) d^2 / n)^2, here of the mean.

        Parameters
        ----------
        moments : of samples that were fitted on
        """
        p = len(self.means)
        n = np.broadcast_to(np.asarray(self.n_samples, np.float64), (p,))
        squares = np.empty(p)

        def measure_cell(cell: int) -> None:
            white = self.whitening[cell].astype(np.float64)
            away = white @ (moments.means[cell] - self.means[cell])
            squares[cell] = ((white @ moments.covariances[cell]) * white).sum() + away @ away

        for _ in map_ordered(measure_cell, range(p), count_cores()):
            pass
        leverage = np.minimum((1 - self.shrinkage) * squares / n, _MOST_LEVERAGE)
        found: Double = squares / (1 - leverage) ** 2
        return found

    def leave_one_out(self, samples: Float, weights: Float | None = None) -> Float:
        """Return the distances of training images, each measured by the field fitted without it.

        Taking the b samples Z of an image, of weights w, out of a cell moves its mean to make their
        deviations M Z and its shrunk scatter A to A - s Z' K Z, with r = n - sum(w), M = I + 1 w' / r,
        K = diag(w) + w w' / r and s = 1 - shrinkage. By Woodbury's identity, with Q = Z A^-1 Z', the squared
        distances become r diag(M (I - s Q K)^-1 Q M'): exact but for the shrinkage target, which is kept.

        Parameters
        ----------
        samples : (p, i, b, d) float32, i images with b samples a cell, all of which were fitted on
        weights : (p, i, b) float32 in [0, 1], theirs in the fit; None for 1

        Returns
        -------
        (p, i, b) float32

        Raises
        ------
        DataError : one image is all there was.
        """
        return self._left_out(self._whiten_images(samples), weights)

    def _left_out(self, white: Float, weights: Float | None) -> Float:
        """Return what `leave_one_out` does of (p, i, b, d) samples in whitened coordinates."""
        p, _, b, _ = white.shape
        n = np.broadcast_to(np.asarray(self.n_samples, np.float64), (p,))[:, None]
        w = np.ones((p, 1, b)) if weights is None else weights.astype(np.float64)
        rest = n - w.sum(axis=2)
        if (rest <= 0).any():
            raise DataError("one image is too few to tell what is normal; give at least two")
        q = np.matmul(white, white.swapaxes(2, 3)).astype(np.float64) / n[..., None, None]
        m = np.eye(b) + w[..., None, :] / rest[..., None, None]
        k = w[..., None] * m
        inner = np.linalg.solve((1 + ROUNDING) * np.eye(b) - (1 - self.shrinkage) * q @ k, q)
        squares = rest[..., None] * np.einsum("pibb->pib", m @ inner @ m.swapaxes(2, 3))
        found: Float = np.sqrt(np.maximum(squares, 0.0)).astype(np.float32)
        return found

    def leave_groups_out(
        self, samples: Float, groups: NDArray[np.int64], weights: Float | None = None
    ) -> Float:
        """Return the distances of training images, each by the field without all images of its group.

        Parameters
        ----------
        samples : (p, i, b, d) float32, i images with b samples a cell, whole groups
        groups : (i,) numbers
        weights : (p, i) float32 in [0, 1], theirs in the fit; None for 1

        Returns
        -------
        (p, i, b) float32
        """
        p, _, b, d = samples.shape
        found = np.empty(samples.shape[:3], np.float32)
        white = self._whiten_images(samples)  # once: what whitens is larger than a group
        _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
        blocks = [np.flatnonzero(inverse == number) for number in np.flatnonzero(counts > 1)]
        alone = np.flatnonzero(counts[inverse] == 1)
        own = None if weights is None else np.repeat(weights[:, :, None], b, axis=2)
        if len(alone):
            theirs = None if own is None else own[:, alone]
            found[:, alone] = self._left_out(white.take(alone, axis=1), theirs)
        for rows in blocks:
            as_one = white.take(rows, axis=1).reshape(p, 1, len(rows) * b, d)
            theirs = None if own is None else own[:, rows].reshape(p, 1, -1)
            found[:, rows] = self._left_out(as_one, theirs).reshape(p, len(rows), b)
        return found

    def absorb(self, samples: Float) -> "GaussianField":
        """Return the field that has learned from more samples, rounded as bundles store it.

        What the covariance is shrunk towards is kept, and counted into what is left of the old one: off by
        about the shrinkage over n.

        Parameters
        ----------
        samples : (p, b, d) float32, b samples a cell
        """
        found = self
        for column in range(samples.shape[1]):
            found = found._absorb_one(samples[:, column])
        found.round()
        return found

    def _absorb_one(self, sample: Float) -> "GaussianField":
        """Return the field that has learned from one (p, d) sample more.

        In whitened coordinates the covariance is a I + k z z', whose Cholesky factor follows column by
        column (Gill, Golub, Murray and Saunders 1974, method C1), all cells at once.
        """
        n = float(np.float32(np.mean(self.n_samples)))  # as bundles store it
        z = self._whiten(sample[:, None])[:, 0]
        level = np.float32((n + self.shrinkage) / (n + 1))
        gain = np.full(len(z), (1 - self.shrinkage) * n / (n + 1) ** 2, np.float32)
        whitening, below = np.zeros_like(self.whitening), np.zeros_like(z)
        for row in range(z.shape[1]):
            left = slice(row + 1)  # of the diagonal, and on it
            pivot = level + gain * z[:, row] ** 2
            solved = self.whitening[:, row, left] - z[:, row, None] * below[:, left]
            below[:, left] += (gain * z[:, row] / pivot)[:, None] * solved
            whitening[:, row, left] = solved / np.sqrt(pivot)[:, None]
            gain *= level / pivot
        means = self.means + (sample - self.means) / np.float32(n + 1)
        return GaussianField(means, whitening, n + 1, self.shrinkage)

    def round(self) -> None:
        """Round the whitening to float16 in place, as bundles store it.

        Only after leave_one_out: an image that alone knows a direction is off by less than the rounding.
        """
        for row, _, _ in _triangle_rows(self.means.shape[1]):
            left = self.whitening[:, row, : row + 1]
            left[...] = np.clip(left, -_FLOAT16_MAX, _FLOAT16_MAX).astype(np.float16)

    def arrays(self) -> dict[str, Float]:
        """Return the state: means and the lower triangles in float16, exact after `round`."""
        p, d = self.means.shape
        triangles = np.empty((p, d * (d + 1) // 2), np.float16)
        for row, start, end in _triangle_rows(d):
            triangles[:, start:end] = self.whitening[:, row, : row + 1]
        return {"means": self.means, "triangles": triangles}

    @classmethod
    def from_arrays(
        cls, means: Float, triangles: NDArray[np.float16], n_samples: float, shrinkage: float
    ) -> "GaussianField":
        """Return the field that `arrays` described; ValueError where the shapes do not fit."""
        p, d = means.shape
        if triangles.shape != (p, d * (d + 1) // 2):
            raise ValueError(f"triangles {triangles.shape} do not fit means {means.shape}")
        whitening = np.zeros((p, d, d), np.float32)
        for row, start, end in _triangle_rows(d):
            whitening[:, row, : row + 1] = triangles[:, start:end]
        return cls(np.asarray(means, np.float32), whitening, n_samples, shrinkage)

    def _whiten_images(self, samples: Float) -> Float:
        """Return (p, i, b, d) samples in whitened coordinates."""
        p, i, b, d = samples.shape
        return self._whiten(samples.reshape(p, i * b, d)).reshape(samples.shape)

    def _whiten(self, samples: Float) -> Float:
        """Return (p, b, d) samples in whitened coordinates, each the same whatever the others are."""
        p, b, d = samples.shape
        n_blocks = -(-b // _COLUMNS)
        away = np.zeros((p, n_blocks * _COLUMNS, d), np.float32)
        np.subtract(samples, self.means[:, None, :], out=away[:, :b])
        columns = away.reshape(p, n_blocks, _COLUMNS, d).swapaxes(2, 3)
        white = np.matmul(self.whitening[:, None], columns).swapaxes(2, 3)
        # what is summed later is rounded by how it lies in memory, too
        found: Float = np.ascontiguousarray(white).reshape(away.shape)[:, :b]
        return found


def restore_field(
    arrays: Mapping[str, NDArray[Any]], prefix: str, shape: tuple[int, int], n_samples: float,
    shrinkage: float,
) -> GaussianField:  # fmt: skip
    """Return the field of (p, d) that lies under `prefix`; ParameterError where it does not fit."""
    p, d = shape
    means = check_array(arrays, f"{prefix}.means", shape)
    triangles = check_array(arrays, f"{prefix}.triangles", (p, d * (d + 1) // 2))
    return GaussianField.from_arrays(means, triangles, n_samples, shrinkage)


def _triangle_rows(d: int) -> Iterator[tuple[int, int, int]]:
    """Yield each row of a lower triangle and where it lies: row by row is faster than one index for all."""
    end = 0
    for row in range(d):
        start, end = end, end + row + 1
        yield row, start, end


def _whiten_covariance(covariance: Double, shrinkage: float, target: Float | None) -> Float:
    """Return the lower triangular whitening matrix."""
    d = len(covariance)
    level = max(float(np.trace(covariance)) / d, VARIANCE_FLOOR)
    shrunk = (1 - shrinkage) * covariance
    shrunk[np.diag_indices(d)] += shrinkage * level * (1.0 if target is None else target)
    return inverse_triangle(np.linalg.cholesky(shrunk)).astype(np.float32)


def inverse_triangle(factor: NDArray[Any]) -> NDArray[Any]:
    """Return the inverse of a lower triangular matrix, by halves: np.linalg.inv would not skip the zeros."""
    d = len(factor)
    if d <= _SMALL:
        return np.tril(np.linalg.inv(factor))
    half = d // 2
    inverse = np.zeros_like(factor)
    inverse[:half, :half] = inverse_triangle(factor[:half, :half])
    inverse[half:, half:] = inverse_triangle(factor[half:, half:])
    inverse[half:, :half] = -inverse[half:, half:] @ factor[half:, :half] @ inverse[:half, :half]
    return inverse
