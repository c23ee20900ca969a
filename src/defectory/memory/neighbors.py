"""Exact nearest neighbors in a bank small enough for one matrix product."""

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ParameterError

# A chunk of queries whose distances to the bank fit the cache of a core.
_CHUNK = 256


class NeighborIndex:
    """Euclidean distances to the nearest rows of a bank.

    Parameters
    ----------
    bank : (m, d) float32

    Attributes
    ----------
    center : (d,) float32, mean of the rows
    centered : (m, d) float32, the rows without it
    half_norms : (m,) float32, half of their squared lengths

    Notes
    -----
    One matrix product says which rows are nearest. How near they are is measured again: in the product it is
    the difference of large numbers, which every processor and runtime rounds in its own way.
    """

    def __init__(self, bank: NDArray[np.float32]) -> None:
        if bank.ndim != 2 or not len(bank):
            raise ParameterError(f"a bank of shape {bank.shape} holds nothing to compare with")
        self.bank = np.ascontiguousarray(bank, np.float32)
        # Distances do not feel an offset that all rows share, but their rounding does.
        self.center = self.bank.mean(axis=0)
        self.centered = self.bank - self.center
        self.half_norms = 0.5 * np.einsum("md,md->m", self.centered, self.centered)

    def distances(
        self,
        queries: NDArray[np.float32],
        n_neighbors: int = 1,
        *,
        without: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Return (n, k) float32 distances to the k nearest rows, ascending.

        Parameters
        ----------
        queries : (n, d) float32
        n_neighbors : 1 .. m
        without : (m,) bool, rows to leave out; the distances are infinite where too few are left
        """
        if not 1 <= n_neighbors <= len(self.bank):
            raise ParameterError(
                f"n_neighbors is {n_neighbors}; the bank has {len(self.bank)} rows"
            )
        found = np.empty((len(queries), n_neighbors), np.float32)
        for start in range(0, len(queries), _CHUNK):
            chunk = queries[start : start + _CHUNK] - self.center
            found[start : start + _CHUNK] = self._chunk_distances(chunk, n_neighbors, without)
        return found

    def _chunk_distances(
        self, queries: NDArray[np.float32], k: int, without: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        half_squares = self.half_norms - queries @ self.centered.T
        if without is not None:
            half_squares[:, without] = np.inf
        if k == 1:
            nearest = half_squares.argmin(axis=1, keepdims=True)
        else:
            nearest = np.argpartition(half_squares, k - 1, axis=1)[:, :k]
        away = queries[:, None] - self.centered[nearest]
        distances: NDArray[np.float32] = np.sqrt(np.einsum("nkd,nkd->nk", away, away))
        if without is not None:
            distances[without[nearest]] = np.inf
        distances.sort(axis=1)
        return distances
