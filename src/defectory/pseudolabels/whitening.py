"""Few, decorrelated dimensions out of many pooled features."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from defectory.domain import NotFittedError, ParameterError

Features = NDArray[np.float32]

# A direction whose variance is below this share of the largest is rounding, not a feature.
_RELATIVE_FLOOR = 1e-7


class PooledWhitening:
    """Projects on the principal directions and divides by the standard deviation there.

    Only the smaller of two square matrices is ever formed, (n, n) or (d, d): never a covariance of tens of
    thousands of features.

    Parameters
    ----------
    n_dims : >= 1
        at most so many directions are kept; fewer where the rows span fewer
    max_rows : >= 2
        at most so many rows are looked at, a random share of them

    Attributes
    ----------
    mean_ : (d,) float32
    directions_ : (d, q) float32, orthogonal columns, each divided by the standard deviation along it
    """

    def __init__(self, n_dims: int = 64, *, max_rows: int = 2000) -> None:
        if n_dims < 1 or max_rows < 2:
            raise ParameterError(
                f"n_dims is {n_dims} and max_rows {max_rows}; give at least 1 and at least 2"
            )
        self.n_dims = n_dims
        self.max_rows = max_rows

    def fit(self, features: Features, rng: np.random.Generator) -> Self:
        """Learn mean and directions from (n, d) float32 features, n >= 2.

        Features that never change are left out of the directions. Random: which rows, where there are more
        than max_rows.
        """
        if len(features) < 2:
            raise ParameterError(
                f"whitening needs at least 2 rows of features, not {len(features)}"
            )
        rows: NDArray[np.float64] = features.astype(np.float64)
        if len(features) > self.max_rows:
            rows = rows[np.sort(rng.choice(len(rows), self.max_rows, replace=False))]
        mean = rows.mean(axis=0)
        self.mean_: Features = mean.astype(np.float32)
        self.directions_: Features = _scaled_directions(rows - mean, self.n_dims).astype(np.float32)
        return self

    def transform(self, features: Features) -> Features:
        """Return (n, q) float32 of unit variance where the fitted rows are concerned."""
        if not hasattr(self, "directions_"):
            raise NotFittedError("the whitening was not fitted; call fit first")
        white: Features = np.matmul(features - self.mean_, self.directions_)
        return white


def _scaled_directions(centered: NDArray[np.float64], n_dims: int) -> NDArray[np.float64]:
    n, d = centered.shape
    gram = centered.T @ centered if d <= n else centered @ centered.T
    values, vectors = np.linalg.eigh(gram / n)
    order = np.argsort(values)[::-1][:n_dims]
    order = order[values[order] > max(_RELATIVE_FLOOR * values[order[0]], 0.0)]
    if len(order) == 0:
        raise ParameterError("all rows of the features are equal; there is nothing to tell apart")
    kept, deviations = vectors[:, order], np.sqrt(values[order])
    if d > n:  # from combinations of rows to directions of unit length
        kept = centered.T @ kept / (deviations * np.sqrt(n))
    scaled: NDArray[np.float64] = kept / deviations
    return scaled
