"""A one-class model: what is usual, and how far a sample is from it. Higher scores = more anomalous."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from defectory.domain import NotFittedError, ParameterError

Features = NDArray[np.float32]
Float = NDArray[np.float64]
Values = NDArray[np.float32]

# Variance of features that never change: a model of constant features is still finite.
_FLOOR = 1e-12


class ShrunkGaussian:
    """One Gaussian; the score is the Mahalanobis distance.

    The covariance is (1 - shrinkage) S + shrinkage * t * I, with S the maximum-likelihood covariance and t
    its mean variance.

    Parameters
    ----------
    shrinkage : (0, 1]
        more is steadier with few rows; 1 is the Euclidean distance from the mean

    Notes
    -----
    Source: SPADE's one-class Gaussian. Differs from it: the covariance is shrunk by a stated weight, so
    that fewer rows than features will do.
    """

    def __init__(self, shrinkage: float = 0.1) -> None:
        if not 0 < shrinkage <= 1:
            raise ParameterError(f"shrinkage is {shrinkage}; give a number above 0 and at most 1")
        self.shrinkage = shrinkage

    def fit(self, features: Features) -> Self:
        """Learn mean and covariance of (n, d) float32 rows, n >= 2, in closed form; n < d is allowed."""
        rows = _rows(features)
        self.mean_: Float = rows.mean(axis=0)
        self._centered = rows - self.mean_
        variances, self._axes = np.linalg.eigh(self._centered.T @ self._centered / len(rows))
        self._variances = np.maximum(variances, 0.0)
        self._target = max(float(self._variances.mean()), _FLOOR)
        return self

    def scores(self, features: Features) -> Values:
        """Return (n,) float32 Mahalanobis distances."""
        _check_fitted(self)
        squares = self._squares(np.asarray(features, np.float64) - self.mean_, 1.0)
        return np.sqrt(squares).astype(np.float32)

    def left_out_scores(self) -> Values:
        """Return the distances of the fitted rows, each from the Gaussian fitted without it.

        Closed form (Sherman-Morrison), exact but for the shrinkage target, which is kept: with n rows, b =
        n / (n - 1), x a row's deviation from the mean and q = x' B^-1 x, where B is the covariance with S
        enlarged by b, the squared distance is b^2 q / (1 - (1 - shrinkage) b q / (n - 1)).
        """
        _check_fitted(self)
        n = len(self._centered)
        enlarged = n / (n - 1)
        q = self._squares(self._centered, enlarged)
        rest = 1.0 - (1.0 - self.shrinkage) * enlarged / (n - 1) * q
        squares = enlarged**2 * q / np.maximum(rest, _FLOOR)
        return np.sqrt(squares).astype(np.float32)

    def _squares(self, deviations: Float, enlarged: float) -> Float:
        variances = (1 - self.shrinkage) * enlarged * self._variances
        variances = variances + self.shrinkage * self._target
        squares: Float = ((deviations @ self._axes) ** 2 / variances).sum(axis=1)
        return squares


def _rows(features: Features) -> Float:
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 1:
        raise ParameterError(f"features are {rows.shape}; a model needs (n, d) with n >= 2, d >= 1")
    return rows


def _check_fitted(model: object) -> None:
    if not hasattr(model, "mean_"):
        raise NotFittedError(f"{type(model).__name__} was not fitted; call fit first")
