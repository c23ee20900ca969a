"""Groups of images, resampled whole: what a cluster bootstrap draws, and what it has found."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import own_groups

BLOCK_NUMBERS = 1 << 20
"""Counts held at a time while resampling: 8 MiB an array."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class ImageGroups:
    """Images that belong together, drawn together.

    Parameters
    ----------
    anomalous : (n,) bool, of the images
    groups : (n,) integers, images of one number belong together, below 0 to none; None: each its own

    Attributes
    ----------
    numbers : (n,) int64, the group of each image, 0 to g - 1
    n_rarer : groups that hold images of the class that the fewer groups hold

    Raises
    ------
    ParameterError : groups do not fit the images.

    Notes
    -----
    Where every group holds one class, as single images do, each class keeps its number of groups
    (stratified). Where a group holds both, all are drawn alike, since one that is alone of its kind would
    be in every resample; resamples that lack a class are drawn again.
    """

    def __init__(self, anomalous: NDArray[np.bool_], groups: ArrayLike | None = None) -> None:
        self.numbers = own_groups(anomalous.size, groups)
        self._n = int(self.numbers.max(initial=-1)) + 1
        classes = [mine for mine in (~anomalous, anomalous) if mine.any()]
        self._held = [np.bincount(self.numbers[mine], minlength=self._n) > 0 for mine in classes]
        is_pure = np.sum(self._held, axis=0).max(initial=1) == 1
        self._strata = (
            [np.flatnonzero(has) for has in self._held] if is_pure else [np.arange(self._n)]
        )
        self.n_rarer = min((int(has.sum()) for has in self._held), default=0)

    def draws(self, n_resamples: int, rng: np.random.Generator) -> Iterator[Counts]:
        """Yield (b, g) blocks of `n_resamples` rows in all: how often each group is drawn."""
        rows = max(1, BLOCK_NUMBERS // max(1, self.numbers.size))
        for start in range(0, n_resamples, rows):
            yield self._block(min(rows, n_resamples - start), rng)

    def _block(self, n_rows: int, rng: np.random.Generator) -> Counts:
        """Return (n_rows, g) counts, in each row groups of all classes that occur."""
        found = np.zeros((n_rows, self._n), dtype=np.int64)
        for stratum in self._strata:
            found += self._drawn(stratum, n_rows, rng)
        lacks = np.zeros(n_rows, dtype=np.bool_)
        for has in self._held:
            lacks |= ~found[:, has].any(axis=1)
        if lacks.any():
            found[lacks] = self._block(int(lacks.sum()), rng)
        return found

    def _drawn(self, stratum: NDArray[np.intp], n_rows: int, rng: np.random.Generator) -> Counts:
        """Return (n_rows, g) counts of as many draws a row, with replacement, as there are groups."""
        draws = stratum[rng.integers(stratum.size, size=(n_rows, stratum.size))]
        draws += self._n * np.arange(n_rows)[:, None]  # every row counts in columns of its own
        return np.bincount(draws.ravel(), minlength=n_rows * self._n).reshape(n_rows, self._n)


class Resamples:
    """What a metric was in resamples, and how much each group has moved it; a block at a time."""

    def __init__(self) -> None:
        self._blocks: list[Floats] = []
        self._drawn: Floats = np.zeros(1)
        self._products: Floats = np.zeros(1)

    def add(self, draws: Counts, values: Floats) -> None:
        """Take (b, g) draws and the (b,) values of the metric in them."""
        self._blocks.append(values)
        self._drawn = self._drawn + draws.sum(axis=0)
        self._products = self._products + values @ draws

    @property
    def values(self) -> Floats:
        """(r,) float64, of all resamples."""
        return np.concatenate(self._blocks)

    @property
    def influences(self) -> Floats:
        """(g,) float64, what one more of each group adds to the metric: its covariance with the draws.

        Notes
        -----
        Source: Efron, "Estimation and accuracy after model selection", JASA 2014, theorem 1.
        """
        values = self.values
        found: Floats = (self._products - self._drawn * values.mean()) / values.size
        return found
