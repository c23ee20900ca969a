"""What labels and masks teach, and how it is added to normality: one scale, by normals left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.classifier import ClassifierSettings, PlaceClassifier
from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.measurements import Measurements
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.training_set import PlaceRows, PlaceTrainingSet
from defectory.detectors.grids import top_mean
from defectory.domain import Label, ParameterError

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]

_LEAST_SPREAD = 1e-3
_MakeTrainingSet = Callable[[MeasuredImages, Normality, Bools], PlaceTrainingSet]


@dataclass(frozen=True)
class TrainedClassifier:
    """A classifier of places.

    Attributes
    ----------
    classifier : None where there was nothing to learn from
    logits : (n, p) float32 of the images it was trained on, each by networks that have not learned from it
    weight : >= 0, beside normality's 1
    """

    classifier: PlaceClassifier | None
    logits: Float
    weight: float


@dataclass(frozen=True)
class ClassifierTrainer:
    """Trains classifiers of places on what is known of images.

    Attributes
    ----------
    settings : of the classifiers
    map_weight : >= 0, of a map that many masks have taught
    seed : of folds and training
    """

    settings: ClassifierSettings
    map_weight: float
    seed: int

    def for_images(
        self, known: MeasuredImages, normality: Normality, is_normal: Bools
    ) -> TrainedClassifier:
        """Return what labeled defects teach of images, against those that (n,) is_normal marks."""
        weight = trust_in_labels(int((known.codes == Label.ANOMALOUS).sum()))
        return self._train(PlaceTrainingSet.for_images, known, normality, is_normal, weight)

    def for_maps(
        self, known: MeasuredImages, normality: Normality, is_normal: Bools
    ) -> TrainedClassifier:
        """Return what masks teach of places."""
        weight = self.map_weight * trust_in_masks(int(known.has_mask.sum()))
        return self._train(PlaceTrainingSet.for_maps, known, normality, is_normal, weight)

    def _train(
        self, make: _MakeTrainingSet, known: MeasuredImages, normality: Normality, is_normal: Bools,
        weight: float,
    ) -> TrainedClassifier:  # fmt: skip
        if not weight:
            return TrainedClassifier(None, np.zeros(known.coverage.shape, np.float32), 0.0)
        training_set = make(known, normality, is_normal)
        return TrainedClassifier(
            *PlaceClassifier.train(training_set, self.settings, self.seed), weight
        )


@dataclass(frozen=True)
class LearnedState:
    """What scores images: normality, and what was learned beside it.

    Each part is brought to zero mean and unit spread over normals that it has not learned from.

    Attributes
    ----------
    images, maps : classifiers for image scores and for maps, or None
    scales : (2, 4) float32
        center and spread of normality's score, learned score, normality's map, learned map
    weights : (2,) float32 >= 0, of the learned score and map beside normality's 1
    top_ratio : (0, 1], share of the places whose mean logit is the learned score
    """

    images: PlaceClassifier | None
    maps: PlaceClassifier | None
    scales: Float
    weights: Float
    top_ratio: float

    @classmethod
    def of(
        cls, known: MeasuredImages, normality: Normality, images: TrainedClassifier, maps: TrainedClassifier,
        is_presumed: Bools, top_ratio: float,
    ) -> tuple[Self, Float, Float]:  # fmt: skip
        """Return the state, and scores (n,) and maps (n, rows, columns) of all known images, left out."""
        parts = (
            normality.image_scores(known.measured),
            learned_scores(images.logits, top_ratio),
            normality.map_cells(known.measured),
            normality.grid.spread(maps.logits),
        )
        scales = np.stack([scale_of(part[is_presumed]) for part in parts], axis=1)
        weights = np.array([images.weight, maps.weight], np.float32)
        state = cls(images.classifier, maps.classifier, scales, weights, top_ratio)
        return state, state.fuse_scores(*parts[:2]), state.fuse_maps(*parts[2:])

    def score(
        self, normality: Normality, measured: Measurements, describe: Callable[[], NDArray[np.int8]]
    ) -> tuple[Float, Float]:
        """Return (n,) scores and (n, rows, columns) maps of images that nothing was learned from.

        Parameters
        ----------
        describe : gives what the places look like; only asked where labels or masks taught something
        """
        heats = normality.map_cells(measured)
        scores, logits = np.zeros(len(measured), np.float32), np.zeros(heats.shape, np.float32)
        if self.images is not None or self.maps is not None:
            places = PlaceRows.of(normality, measured, describe())
            if self.images is not None:
                scores = learned_scores(self.images.logits(places), self.top_ratio)
            if self.maps is not None:
                logits = normality.grid.spread(self.maps.logits(places.in_context()))
        return (
            self.fuse_scores(normality.image_scores(measured), scores),
            self.fuse_maps(heats, logits),
        )

    def fuse_scores(self, normality: Float, learned: Float) -> Float:
        """Return (n,) image scores."""
        return fuse(normality, learned, self.scales[:, :2], float(self.weights[0]))

    def fuse_maps(self, normality: Float, learned: Float) -> Float:
        """Return maps of the shape of both."""
        return fuse(normality, learned, self.scales[:, 2:], float(self.weights[1]))

    def arrays(self) -> Arrays:
        """Return the classifiers, scales and weights."""
        named: Arrays = {"scales": self.scales, "weights": self.weights}
        for prefix, part in (("images", self.images), ("maps", self.maps)):
            if part is not None:
                named |= {f"{prefix}.{key}": value for key, value in part.arrays().items()}
        return named

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], columns: tuple[int, int], top_ratio: float
    ) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit.

        Parameters
        ----------
        columns : that rows have for image scores, and for maps
        """
        scales, weights = (
            check_array(arrays, "scales", (2, 4)),
            check_array(arrays, "weights", (2,)),
        )
        if (scales[1] <= 0).any() or (weights < 0).any():
            raise ParameterError("a spread or weight of the learned state is out of range")
        images, maps = (
            _restore_classifier(arrays, prefix, n)
            for prefix, n in zip(("images.", "maps."), columns, strict=True)
        )
        return cls(images, maps, scales, weights, top_ratio)


def _restore_classifier(
    arrays: Mapping[str, NDArray[Any]], prefix: str, n_columns: int
) -> PlaceClassifier | None:
    own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    return PlaceClassifier.restore(own, {n_columns}) if own else None


def fuse(normality: Float, learned: Float, scales: Float, weight: float) -> Float:
    """Return both parts, in units of their (2, 2) centers and spreads, added; the second times its weight."""
    z_normality, z_learned = (
        (part - center) / spread
        for part, (center, spread) in zip((normality, learned), scales.T, strict=True)
    )
    return np.asarray(z_normality + np.float32(weight) * z_learned, np.float32)


def scale_of(values: Float) -> Float:
    """Return (2,) center and spread."""
    return np.array((values.mean(), max(float(values.std()), _LEAST_SPREAD)), np.float32)


def learned_scores(logits: Float, top_ratio: float) -> Float:
    """Return (n,) scores from (n, p) logits: the mean over the highest places.

    No probabilities: where images are unlabeled the threshold is estimated from the bulk of the scores, which
    says nothing of a tail where all but a few are close to zero.
    """
    return np.array([top_mean(row, top_ratio) for row in logits], np.float32)


def trust_in_labels(n_anomalies: int) -> float:
    """Return the weight of scores learned from so many confirmed anomalies: 0 for none, at most 4.

    A handful has little: what it teaches may be the part that these defects happen to be on.
    """
    return 4.0 * n_anomalies**2 / (n_anomalies**2 + 200)


def trust_in_masks(n_masks: int) -> float:
    """Return the weight of a map learned from so many masks: 0 for none, at most 1."""
    return n_masks / (n_masks + 3)
