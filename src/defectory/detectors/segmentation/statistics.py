"""What must be known of normal features before training: their whitening, and which images to remember."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.segmentation.inputs import Inputs
from defectory.memory import select_coreset

Float = NDArray[np.float32]

# Directions of less than this share of the mean variance are not raised further: they are noise.
_VARIANCE_FLOOR = 0.02
# Of images that are all alike, so that a first difference to them stays finite.
_LEAST_VARIANCE = 1e-2


class LevelStatistics:
    """Means and covariances of the cells of each level, and a descriptor of each image, from a stream."""

    def __init__(self) -> None:
        self._sums: list[NDArray[np.float64]] = []
        self._products: list[NDArray[np.float64]] = []
        self._n_cells: list[int] = []
        self._descriptors: list[Float] = []

    def add(self, image: Inputs) -> None:
        """Take the levels of one image, (c, h, w) each."""
        levels = [level.reshape(len(level), -1).astype(np.float32) for level in image]
        if not self._sums:
            self._sums = [np.zeros(len(level)) for level in levels]
            self._products = [np.zeros((len(level), len(level))) for level in levels]
            self._n_cells = [0] * len(levels)
        for i, level in enumerate(levels):
            self._sums[i] += level.sum(axis=1)
            self._products[i] += level @ level.T
            self._n_cells[i] += level.shape[1]
        coarse = levels[-1]
        self._descriptors.append(np.concatenate([coarse.mean(axis=1), coarse.std(axis=1)]))

    def whitening(self, power: float) -> list[tuple[Float, Float]]:
        """Return (mean (c,), projection (c, c)) a level.

        Parameters
        ----------
        power : [0, 1]; 0 divides all channels by one number, 1 gives all directions the same variance
        """
        found = []
        for total, product, n in zip(self._sums, self._products, self._n_cells, strict=True):
            mean = total / n
            values, directions = np.linalg.eigh(product / n - np.outer(mean, mean))
            values = np.maximum(values, _VARIANCE_FLOOR * max(values.mean(), _LEAST_VARIANCE))
            scale = values ** (-power / 2) * values.mean() ** ((power - 1) / 2)
            found.append((mean.astype(np.float32), (directions * scale).astype(np.float32)))
        return found

    def choose(self, n_chosen: int, how: str, seed: int) -> list[int]:
        """Return sorted places of the images to remember: "coreset" to cover all, or "random"."""
        n = len(self._descriptors)
        if how == "random":
            chosen: Sequence[int] = np.random.default_rng(seed).permutation(n)[:n_chosen].tolist()
        else:
            stacked = np.stack(self._descriptors)
            spread = np.maximum(stacked.std(axis=0), 1e-3 * max(float(stacked.std()), 1e-6))
            chosen = select_coreset(stacked / spread, n_chosen, seed=seed).indices.tolist()
        return sorted(int(i) for i in chosen)


def measure(images: Iterable[Inputs]) -> LevelStatistics:
    """Return the statistics of images' levels."""
    statistics = LevelStatistics()
    for image in images:
        statistics.add(image)
    return statistics
