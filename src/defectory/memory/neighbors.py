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
    """

    def __init__(self, bank: NDArray[np.float32]) -> None:
        if bank.ndim != 2 or not len(bank):
            raise ParameterError(f"a bank of shape {bank.shape} holds nothing to compare with")
        self.bank = np.ascontiguousarray(bank, np.float32)
        self._half_norms = 0.5 * np.einsum("md,md->m", self.bank, self.bank)

    def distances(self, queries: NDArray[np.float32], n_neighbors: int = 1) -> NDArray[np.float32]:
        """Return (n, k) float32 distances to the k nearest rows, ascending.

        Parameters
        ----------
        queries : (n, d) float32
        n_neighbors : 1 .. m
        """
        if not 1 <= n_neighbors <= len(self.bank):
            raise ParameterError(
                f"n_neighbors is {n_neighbors}; the bank has {len(self.bank)} rows"
            )
        found = np.empty((len(queries), n_neighbors), np.float32)
        for start in range(0, len(queries), _CHUNK):
            chunk = queries[start : start + _CHUNK]
            found[start : start + _CHUNK] = self._chunk_distances(chunk, n_neighbors)
        return found

    def _chunk_distances(self, queries: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        half_squares = self._half_norms - queries @ self.bank.T
        if k == 1:
            nearest = half_squares.min(axis=1, keepdims=True)
        else:
            nearest = np.sort(np.partition(half_squares, k - 1, axis=1)[:, :k], axis=1)
        half_norms = 0.5 * np.einsum("nd,nd->n", queries, queries)[:, None]
        distances: NDArray[np.float32] = np.sqrt(2.0 * np.maximum(nearest + half_norms, 0.0))
        return distances
