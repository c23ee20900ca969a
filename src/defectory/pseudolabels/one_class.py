"""One-class models: what is usual, and how far a sample is from it. Higher scores = more anomalous."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from defectory.domain import NotFittedError, ParameterError

Features = NDArray[np.float32]
Float = NDArray[np.float64]
Values = NDArray[np.float32]

# Variance of features that never change: a model of constant features is still finite.
_FLOOR = 1e-12
# Gain of the mean log-likelihood below which a mixture is settled.
_TOLERANCE = 1e-4


class OneClassModel(Protocol):
    """What the pseudo-labeler asks of a model. Higher = more anomalous, in every score."""

    def fit(self, features: Features, rng: np.random.Generator) -> Self:
        """Learn from (n, d) float32 rows, n >= 2, n < d allowed; all randomness is of `rng`."""
        ...

    def scores(self, features: Features) -> Values:
        """Return (n,) float32 of any rows."""
        ...

    def left_out_scores(self) -> Values:
        """Return (n,) float32 of the fitted rows, each scored without itself."""
        ...


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

    def fit(self, features: Features, rng: np.random.Generator) -> Self:
        """Learn mean and covariance in closed form; `rng` is not used."""
        del rng
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


class GaussianMixture:
    """Several Gaussians with diagonal covariances; the score is minus the log-likelihood.

    Parameters
    ----------
    n_components : >= 1
        at most as many as there are rows
    shrinkage : [0, 1]
        weight of the variances of all rows together in those of a component
    max_iterations : >= 1
        of expectation-maximization; it stops earlier once the mean log-likelihood gains less than 1e-4

    Notes
    -----
    Source: the mixture of MAPL's pseudo-labeler (Chen & Kang 2024). Differs from it: diagonal, shrunk
    covariances, so that few rows will do. A component that lost its rows keeps its place with weight close
    to 0 and the variances of all rows. Random: the first means (k-means++).
    """

    def __init__(
        self, n_components: int = 2, *, shrinkage: float = 0.1, max_iterations: int = 100
    ) -> None:
        if n_components < 1 or max_iterations < 1 or not 0 <= shrinkage <= 1:
            raise ParameterError(
                "a mixture needs n_components and max_iterations of at least 1 and a shrinkage in [0, 1]"
            )
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.max_iterations = max_iterations

    def fit(self, features: Features, rng: np.random.Generator) -> Self:
        """Run expectation-maximization from a k-means++ start."""
        rows = self._rows = _rows(features)
        self._common = np.maximum(rows.var(axis=0), _FLOOR)
        means = _spread_out(rows, min(self.n_components, len(rows)), rng)
        gaps = ((rows[:, None] - means) ** 2 / self._common).sum(axis=2)
        self._shares = np.eye(len(means))[gaps.argmin(axis=1)]
        before = -np.inf
        for _ in range(self.max_iterations):
            self._maximize()
            joint = self._joint(rows)
            likelihood = _log_sum(joint)
            self._shares = np.exp(joint - likelihood[:, None])
            if likelihood.mean() - before < _TOLERANCE:
                break
            before = float(likelihood.mean())
        return self

    def scores(self, features: Features) -> Values:
        """Return (n,) float32, minus the log-likelihood of each row."""
        _check_fitted(self)
        return (-_log_sum(self._joint(np.asarray(features, np.float64)))).astype(np.float32)

    def left_out_scores(self) -> Values:
        """Return the scores of the fitted rows, each taken out of every component it had a share in.

        Not a refit: the shares of the other rows are kept, and so is what the variances are shrunk towards.
        """
        _check_fitted(self)
        n, rows = len(self._rows), self._rows
        shares = self._shares  # (n, c)
        rest = np.maximum(shares.sum(axis=0) - shares, _FLOOR)  # (n, c)
        sums = shares.T @ rows  # (c, d)
        squares = shares.T @ rows**2
        joint = np.empty_like(shares)
        for c in range(shares.shape[1]):
            own, left = shares[:, c : c + 1], rest[:, c : c + 1]
            means = (sums[c] - own * rows) / left  # (n, d)
            spread = np.maximum((squares[c] - own * rows**2) / left - means**2, 0.0)
            spread = self._shrunk(spread, left)
            joint[:, c] = np.log(rest[:, c] / (n - 1)) + _log_density(rows, means, spread)
        return (-_log_sum(joint)).astype(np.float32)

    def _maximize(self) -> None:
        counts = np.maximum(self._shares.sum(axis=0), _FLOOR)
        self.weights_: Float = counts / counts.sum()
        self.means_: Float = self._shares.T @ self._rows / counts[:, None]
        spread = np.stack(
            [
                own @ (self._rows - mean) ** 2 / count
                for own, mean, count in zip(self._shares.T, self.means_, counts, strict=True)
            ]
        )
        self.variances_: Float = self._shrunk(spread, counts[:, None])

    def _shrunk(self, spread: Float, counts: Float) -> Float:
        """Return the variances; a component of less than two rows has those of all rows."""
        shrunk = (1 - self.shrinkage) * spread + self.shrinkage * self._common
        variances: Float = np.maximum(np.where(counts < 2.0, self._common, shrunk), _FLOOR)
        return variances

    def _joint(self, rows: Float) -> Float:
        densities = [
            _log_density(rows, mean, spread)
            for mean, spread in zip(self.means_, self.variances_, strict=True)
        ]
        joint: Float = np.stack(densities, axis=1) + np.log(self.weights_)
        return joint


def _spread_out(rows: Float, n_chosen: int, rng: np.random.Generator) -> Float:
    """Return rows far from each other: each drawn with a chance that grows with the squared gap."""
    chosen = [int(rng.integers(len(rows)))]
    gaps = np.full(len(rows), np.inf)
    for _ in range(1, n_chosen):
        gaps = np.minimum(gaps, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
        if gaps.sum() == 0:
            break
        chosen.append(int(rng.choice(len(rows), p=gaps / gaps.sum())))
    means: Float = rows[chosen]
    return means


def _log_density(rows: Float, mean: Float, variances: Float) -> Float:
    terms = (rows - mean) ** 2 / variances + np.log(2 * np.pi * variances)
    density: Float = -0.5 * terms.sum(axis=1)
    return density


def _log_sum(joint: Float) -> Float:
    top = joint.max(axis=1)
    total: Float = top + np.log(np.exp(joint - top[:, None]).sum(axis=1))
    return total


def _rows(features: Features) -> Float:
    rows = np.asarray(features, np.float64)
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 1:
        raise ParameterError(f"features are {rows.shape}; a model needs (n, d) with n >= 2, d >= 1")
    return rows


def _check_fitted(model: object) -> None:
    if not hasattr(model, "mean_") and not hasattr(model, "means_"):
        raise NotFittedError(f"{type(model).__name__} was not fitted; call fit first")
