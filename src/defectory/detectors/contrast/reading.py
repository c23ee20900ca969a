"""How far an image is from what memory reads back, in a space whitened by the images that are trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_N_ROUNDS = 10
_N_KNOWN = 1000
# A kind of images that belongs makes up more than this share of a collection; a clump of outliers, less.
_MIN_KIND_RATIO = 0.15


@dataclass(frozen=True)
class Reading:
    """Memory, and the distance of a feature to what it reads.

    Attributes
    ----------
    memory : (k, d), one row a slot
    center : (d,) mean of what reading leaves over, over the trusted
    whitening : (d, d), turns what is left over into coordinates of unit spread over the trusted
    """

    memory: Float
    center: Float
    whitening: Float

    @classmethod
    def fit(
        cls, features: Float, shares: Float, trim_ratio: float, *, whiten: bool = True
    ) -> "Reading":
        """Write memory and whitening from the collection itself, leaving out what they read worst.

        Parameters
        ----------
        features : (n, d)
        shares : (n, k) shares of the slots in each image's reading; rows sum to 1
        trim_ratio : [0, 1), share of the images, the farthest, that is not trusted; found in turns, from
            `reach` on
        whiten : False measures the plain distance, as MCOD does

        Notes
        -----
        Source: the read distance of MCOD (Huyan et al. 2022); trimming after Rousseeuw & Van Driessen 1999
        (the concentration steps of MCD).
        """
        n_trusted = max(2, round(len(features) * (1 - trim_ratio)))
        nearest_kin = reach(features)
        trusted = np.sort(np.argsort(nearest_kin, kind="stable")[:n_trusted])
        reading = cls._write(features, shares, trusted, whiten)
        for _ in range(_N_ROUNDS):
            distances = reading.distances(features, shares)
            chosen = np.sort(np.argsort(distances, kind="stable")[:n_trusted])
            if np.array_equal(chosen, trusted):
                break
            trusted = chosen
            reading = cls._write(features, shares, trusted, whiten)
        return reading

    @classmethod
    def _write(
        cls, features: Float, shares: Float, trusted: NDArray[np.intp], whiten: bool
    ) -> "Reading":
        known, weights = features[trusted].astype(np.float64), shares[trusted].astype(np.float64)
        memory = weights.T @ known / np.maximum(weights.sum(axis=0), 1e-6)[:, None]
        left_over = known - weights @ memory
        n, d = left_over.shape
        if not whiten:
            scale = 1 / np.sqrt(max(float(np.square(left_over).mean()), 1e-8))
            return cls(*_single(memory, np.zeros(d), scale * np.eye(d)))
        center = left_over.mean(axis=0)
        covariance = np.cov(left_over.T, bias=True).reshape(d, d)
        # the fewer images for each direction, the more all directions lend each other
        shrinkage = d / (d + n)
        level = max(float(np.trace(covariance)) / d, 1e-6)
        covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(d)
        variances, directions = np.linalg.eigh(covariance)
        whitening = directions / np.sqrt(np.maximum(variances, 1e-6 * level))
        return cls(*_single(memory, center, whitening))

    def coordinates(self, features: Float, shares: Float) -> Float:
        """Return (n, d): what reading leaves over of each image, whitened."""
        found: Float = (features - shares @ self.memory - self.center) @ self.whitening
        return found

    def distances(self, features: Float, shares: Float) -> Float:
        """Return (n,) lengths of the coordinates: the score."""
        found: Float = np.sqrt(np.square(self.coordinates(features, shares)).mean(axis=1))
        return found

    def arrays(self) -> dict[str, Float]:
        """Return the state by name."""
        return vars(self).copy()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Reading":
        """Return the reading that `arrays` gave."""
        return cls(*(arrays[name] for name in ("memory", "center", "whitening")))


def reach(features: Float) -> Float:
    """Return (n,) how far each image must reach to hold a kind's worth of images.

    The distance to the neighbor that completes a share of the collection which only a kind that belongs
    would have. Who begins with all images instead lets a clump of equal outliers, a second product mixed in,
    widen the very direction that would show it, and then finds it the most ordinary of all.

    Notes
    -----
    Neighbors are looked for among at most 1,000 images, evenly taken. Cost: O(n m d).
    """
    known = features[
        np.linspace(0, len(features) - 1, min(len(features), _N_KNOWN)).astype(np.intp)
    ]
    k = min(len(known) - 1, int(np.ceil(_MIN_KIND_RATIO * len(known))))
    squares = np.square(known).sum(axis=1)
    found = np.empty(len(features), np.float32)
    for start in range(0, len(features), _N_KNOWN):
        rows = features[start : start + _N_KNOWN]
        distances = squares - 2 * rows @ known.T + np.square(rows).sum(axis=1)[:, None]
        found[start : start + _N_KNOWN] = np.partition(distances, k, axis=1)[:, k]
    return np.sqrt(np.maximum(found, 0))


def _single(*arrays: NDArray[np.float64]) -> list[Float]:
    return [array.astype(np.float32) for array in arrays]
