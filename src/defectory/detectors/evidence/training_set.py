"""What a classifier of places learns from: rows of numbers, which are defective, and batches of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.normality import STEP, Described, Normality
from defectory.detectors.grouping import Groups

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

# Distances grow without bound where an image is broken; beyond this it is all the same.
MOST = 40.0
# Distances count so much more to a classifier than components of unit variance: any defect makes them large.
GAIN = 3.0
N_DISTANCES = 5
"""Columns of `distance_columns`."""
OF_IMAGE = 3


@dataclass(frozen=True)
class PlaceRows:
    """p places of each of n images; a row of numbers each, kept small until it is asked for.

    Attributes
    ----------
    described : (n, p, w) int8, see `Normality.describe`
    distances : (n, p, e) float32, columns of `distance_columns`
    context : (n, w) float32, the image's mean components; None where places are seen without it
    """

    described: Described
    distances: Float
    context: Float | None = None

    @classmethod
    def of(cls, normality: Normality, measured: Measurements, described: Described) -> "PlaceRows":
        """Return the places of n images, each seen for itself."""
        return cls(described, distance_columns(normality, measured))

    def __len__(self) -> int:
        return len(self.described)

    @property
    def n_columns(self) -> int:
        """Numbers in a row: w components, w of the image's mean where there is context, e of distances."""
        w = self.described.shape[2]
        return int(w + (0 if self.context is None else w) + self.distances.shape[2])

    def in_context(self) -> "PlaceRows":
        """Return the places with their image's mean components, without what is said of the image, for maps.

        What the image looks like tells which of its places are out of place. How odd it is as a whole would
        raise all the places of a defective image, the good ones too.
        """
        means: Float = np.float32(STEP) * self.described.mean(axis=1, dtype=np.float32)
        return PlaceRows(self.described, np.delete(self.distances, OF_IMAGE, axis=2), means)

    def rows(self, images: Indices, places: Indices) -> Float:
        """Return (m, n_columns) float32 rows of m places of these images."""
        components = np.float32(STEP) * self.described[images, places]
        around = [] if self.context is None else [self.context[images]]
        return np.concatenate([components, *around, self.distances[images, places]], axis=1)

    def products(self, image: int, weights: Float) -> Float:
        """Return (p, h), all rows of an image times (n_columns, h) weights.

        One image at a time: rounding depends on the shape of a matrix product. What its places share is
        multiplied once.
        """
        w, e = self.described.shape[2], self.distances.shape[2]
        own = np.concatenate(
            [np.float32(STEP) * self.described[image], self.distances[image]], axis=1
        )
        found: Float = own @ np.concatenate([weights[:w], weights[len(weights) - e :]])
        if self.context is not None:
            found += self.context[image] @ weights[w : 2 * w]
        return found


def distance_columns(normality: Normality, measured: Measurements) -> Float:
    """Return (n, p, 5) float32: what the normality model says of each place.

    Its distance by place and by patch, both added and averaged over it and its neighbors, the mean over the
    image (each standardized), and the map.
    """
    by_place, by_patch = normality.standardized_parts(measured)
    both = normality.standardized_places(measured)
    whole = np.repeat(both.mean(axis=1, keepdims=True), both.shape[1], axis=1)
    near = _mean_of_neighbors(both, normality.grid.places)
    raw = normality.highest_of_map(measured)
    columns = np.stack([by_place, by_patch, near, whole, raw], axis=2)
    return np.asarray(GAIN * np.clip(columns, -MOST, MOST), np.float32)


def _mean_of_neighbors(values: Float, grid: tuple[int, int]) -> Float:
    """Return the means over 3 x 3 places of (n, p) values; edges are repeated."""
    n, (r, c) = len(values), grid
    padded = np.pad(values.reshape(n, r, c), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :r] + padded[:, 1 : r + 1] + padded[:, 2:]
    means: Float = (rows[:, :, :c] + rows[:, :, 1 : c + 1] + rows[:, :, 2:]) / 9
    return means.reshape(n, r * c)


@dataclass(frozen=True)
class PlaceTrainingSet:
    """Described images with what is known of their places.

    Attributes
    ----------
    places : of n images
    normal : (n, p) bool, places that teach what is normal
    defective : (n, p) bool, places that teach what a defect is
    groups : (n,) numbers; images of one belong together
    """

    places: PlaceRows
    normal: Bools
    defective: Bools
    groups: Groups

    @classmethod
    def for_images(
        cls, known: MeasuredImages, normality: Normality, is_normal: Bools
    ) -> "PlaceTrainingSet":
        """Return what tells defective images from those that (n,) is_normal marks."""
        rows = PlaceRows.of(normality, known.measured, known.described)
        normal = np.repeat(is_normal[:, None], rows.described.shape[1], axis=1)
        return cls(rows, normal, known.defective_places(normality), known.groups)

    @classmethod
    def for_maps(
        cls, known: MeasuredImages, normality: Normality, is_normal: Bools
    ) -> "PlaceTrainingSet":
        """Return what tells where in an image a defect is: masks, against all that they leave out."""
        rows = PlaceRows.of(normality, known.measured, known.described).in_context()
        is_normal_place = is_normal[:, None] | known.bare_places()
        return cls(rows, is_normal_place, known.marked_places(), known.groups)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def is_defective(self) -> Bools:
        """(n,) bool: images with a defective place."""
        return np.asarray(self.defective.any(axis=1))


class BatchSampler:
    """Batches of places, half of them defective; images are drawn first, all with the same chance.

    Where defective images have normal places too, half of the normal ones are of these: they tell a defect
    from the image that it is in.

    Parameters
    ----------
    known : with at least one normal and one defective place
    is_taught : (n,) bool, images that may be drawn; where no defective one is left, all of those may
    rng : of all draws
    """

    def __init__(self, known: PlaceTrainingSet, is_taught: Bools, rng: np.random.Generator) -> None:
        self._places, self._rng = known.places, rng
        self._normal, self._defective = _Choice(known.normal), _Choice(known.defective)
        is_defective, has_normal = known.is_defective, known.normal.any(axis=1)
        self._good = _any_of(has_normal & ~is_defective, is_taught)
        self._around = np.flatnonzero(has_normal & is_defective & is_taught)
        self._anomalous = _any_of(is_defective, is_taught)

    def batch(self, n: int) -> tuple[Float, Bools]:
        """Return (n, d) float32 rows and which of them are defective."""
        n_defective = n // 2
        good = self._draw_good(n - n_defective)
        bad = self._rng.choice(self._anomalous, n_defective)
        places = np.concatenate(
            [self._normal.draw(good, self._rng), self._defective.draw(bad, self._rng)]
        )
        rows = self._places.rows(np.concatenate([good, bad]), places)
        return rows, np.arange(n) >= n - n_defective

    def _draw_good(self, n: int) -> Indices:
        """Return n images, half of them defective ones with normal places where there are any."""
        drawn = self._rng.choice(self._good if len(self._good) else self._around, n)
        if len(self._around):
            drawn[: n // 2] = self._rng.choice(self._around, n // 2)
        return drawn


class _Choice:
    """Draws one of the allowed places of each image."""

    def __init__(self, allowed: Bools) -> None:
        # each image's allowed places first, and how many they are
        self._places = np.argsort(~allowed, axis=1, kind="stable")
        self._n_allowed = allowed.sum(axis=1)

    def draw(self, images: Indices, rng: np.random.Generator) -> Indices:
        nth = (rng.random(len(images)) * self._n_allowed[images]).astype(np.intp)
        return np.asarray(self._places[images, nth])


def _any_of(wanted: Bools, is_taught: Bools) -> Indices:
    """Return the wanted images that may be taught, or all wanted ones where there is none of those."""
    taught = np.flatnonzero(wanted & is_taught)
    return taught if len(taught) else np.flatnonzero(wanted)
