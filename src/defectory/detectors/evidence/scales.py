"""Distances by place, by patch and of the image brought to one scale: that of normals left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.place_grid import PlaceGrid
from defectory.domain import ParameterError

Float = NDArray[np.float32]

N_ODDEST = 2
"""The oddest places whose mean is the image's score: defects are small, however large the image. One alone is
more often an accident."""
# Of an image beside its whole collection: steadier, so that many hidden defects are noticed.
_N_ODDEST_OF_COLLECTION = 5
IMAGE_WEIGHT = 0.3
"""Of the image as a whole, beside its oddest places."""
# Normals whose spread a place's own is mixed with: few images leave a place's spread uncertain.
_PRIOR_OF_SPREAD = 30
# Normals from which on the Gaussians count half as much as they do with many.
_PRIOR_OF_PLACES = 100


@dataclass(frozen=True)
class Scales:
    """What distances of normals are like that were left out.

    Attributes
    ----------
    place, patch : (2, p) and (2, q), center and spread of each place's and patch's distance
    unit : (1,), the usual distance of a patch
    place_weight : (1,), of Gaussians beside patches
    part : (2, 2), centers and spreads: of the oddest places' mean, and of the distance of the whole image
    """

    place: Float
    patch: Float
    unit: Float
    place_weight: Float
    part: Float

    @classmethod
    def of(cls, measured: Measurements, weights: Float | None, grid: PlaceGrid) -> Self:
        """Return those of n normals left out, of weights (n,); None for 1."""
        if weights is None:
            weights = np.ones(len(measured), np.float32)
        n = float(weights.sum())
        rough = cls(
            _scale_of_each(measured.places, weights),
            _scale_of_each(measured.patches, weights),
            np.array([max(float(measured.patches.mean()), 1e-6)], np.float32),
            np.array([n / (n + _PRIOR_OF_PLACES)], np.float32),
            np.zeros((2, 2), np.float32),
        )
        parts = rough._parts(measured, grid, N_ODDEST)
        return replace(rough, part=_scale_of_parts(parts, weights))

    def image_scores(self, measured: Measurements, grid: PlaceGrid) -> Float:
        """Return (n,) scores: the oddest places, and the image as a whole."""
        return _combined(self._parts(measured, grid, N_ODDEST), self.part)

    def scores_within(self, measured: Measurements, grid: PlaceGrid) -> Float:
        """Return (n,) scores of the images of a collection, left out, by more of their places.

        They tell what the collection is like: a score by few places has good images far out, among which a
        fifth of hidden defects goes unnoticed.
        """
        parts = self._parts(measured, grid, _N_ODDEST_OF_COLLECTION)
        return _combined(parts, _scale_of_parts(parts, np.ones(len(measured), np.float32)))

    def by_part(self, measured: Measurements, grid: PlaceGrid) -> tuple[Float, Float]:
        """Return (n, p) distances by place and by patch, in units of what the place shows when left out.

        Of a place's patches the oddest counts.
        """
        patches = _scaled(measured.patches, self.patch)
        return _scaled(measured.places, self.place), grid.highest(patches)

    def by_place(self, measured: Measurements, grid: PlaceGrid) -> Float:
        """Return (n, p), both parts added; Gaussians count less where few images told them."""
        of_place, of_patch = self.by_part(measured, grid)
        return self.place_weight * of_place + of_patch

    def _parts(self, measured: Measurements, grid: PlaceGrid, n_oddest: int) -> Float:
        """Return (2, n): the mean of so many oddest places, and the distance of the image as a whole."""
        return np.stack([_oddest(self.by_place(measured, grid), n_oddest), measured.image])

    def arrays(self) -> Arrays:
        """Return the state by name."""
        return {
            "place_scale": self.place,
            "patch_scale": self.patch,
            "patch_unit": self.unit,
            "place_weight": self.place_weight,
            "part_scale": self.part,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], grid: PlaceGrid) -> Self:
        """Return what `arrays` gave; ParameterError where it does not fit the grid."""
        found = cls(
            check_array(arrays, "place_scale", (2, grid.n_places)),
            check_array(arrays, "patch_scale", (2, grid.n_patches)),
            check_array(arrays, "patch_unit", (1,)),
            check_array(arrays, "place_weight", (1,)),
            check_array(arrays, "part_scale", (2, 2)),
        )
        spreads = found.place[1], found.patch[1], found.unit, found.part[1]
        if any((values <= 0).any() for values in spreads):
            raise ParameterError("a spread is not positive")
        return found


def _scale_of_each(values: Float, weights: Float) -> Float:
    """Return (2, p), center and spread of (n, p) values; they lean on all places where images are few."""
    n = float(weights.sum())
    own = n / (n + _PRIOR_OF_SPREAD)
    center = np.average(values, axis=0, weights=weights)
    variance = np.average(np.square(values - center), axis=0, weights=weights)
    mixed = own * variance + (1 - own) * variance.mean()
    centers = own * center + (1 - own) * center.mean()
    return np.stack([centers, np.sqrt(np.maximum(mixed, 1e-6))]).astype(np.float32)


def _scale_of_parts(parts: Float, weights: Float) -> Float:
    """Return (2, k), center and spread of (k, n) values."""
    center = np.average(parts, axis=1, weights=weights)
    spread = np.sqrt(np.average(np.square(parts - center[:, None]), axis=1, weights=weights))
    return np.stack([center, np.maximum(spread, 1e-6)]).astype(np.float32)


def _oddest(places: Float, n: int) -> Float:
    """Return the mean of the highest n of (images, p) values."""
    n = min(n, places.shape[1])
    ordered = np.partition(places, places.shape[1] - n, axis=1)[:, -n:]
    # one order of summing, whatever partition left
    found: Float = np.sort(ordered, axis=1).mean(axis=1)
    return found


def _combined(parts: Float, scale: Float) -> Float:
    """Return (n,) scores: oddest places and the image as a whole, (2, n), on one scale, added."""
    places, image = (parts - scale[0][:, None]) / scale[1][:, None]
    combined: Float = (places + np.float32(IMAGE_WEIGHT) * image).astype(np.float32)
    return combined


def _scaled(values: Float, scale: Float) -> Float:
    return np.asarray((values - scale[0]) / scale[1], np.float32)
