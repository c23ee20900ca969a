"""Normality and learned evidence on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.pooling import top_mean
from defectory.domain import ParameterError

Float = NDArray[np.float32]

_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Fusion:
    """How scores and maps of both parts are added.

    Each part is brought to zero mean and unit spread over normals that it has not learned from.

    Attributes
    ----------
    standards : (4, 2) float32
        center and spread of normality score, learned score, normality map, learned map
    score_weight, map_weight : >= 0, of the learned parts; 0 is normality alone
    """

    standards: Float
    score_weight: float
    map_weight: float

    def scores(self, normality: Float, learned: Float) -> Float:
        """Return (n,) image scores."""
        return fuse(normality, learned, self.standards[:2], self.score_weight)

    def maps(self, normality: Float, learned: Float) -> Float:
        """Return maps of the shape of both."""
        return fuse(normality, learned, self.standards[2:], self.map_weight)

    def arrays(self) -> Arrays:
        """Return standards and weights."""
        return {
            "standards": self.standards,
            "weights": np.array([self.score_weight, self.map_weight], np.float32),
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit."""
        standards, weights = (
            check_array(arrays, "standards", (4, 2)),
            check_array(arrays, "weights", (2,)),
        )
        if (standards[:, 1] <= 0).any() or (weights < 0).any():
            raise ParameterError("a spread or weight of the fusion is out of range")
        return cls(standards, float(weights[0]), float(weights[1]))


def standards_of(values: Float) -> Float:
    """Return (2,) center and spread."""
    return np.array((values.mean(), max(float(values.std()), _LEAST_SPREAD)), np.float32)


def fuse(
    normality: Float, learned: Float, standards: Sequence[Float] | Float, weight: float
) -> Float:
    """Return both parts in units of their standards, the learned one times its weight, added."""
    z_normality, z_learned = (
        (part - center) / spread
        for part, (center, spread) in zip((normality, learned), standards, strict=True)
    )
    return np.asarray(z_normality + np.float32(weight) * z_learned)


def fuse_normals(
    scores: Float,
    learned: Float,
    heats: Float,
    logits: Float,
    score_weight: float,
    map_weight: float,
) -> tuple[Fusion, Float, Float]:
    """Return the fusion by left-out values of normals, with their own fused scores and maps.

    Parameters
    ----------
    scores, learned : (m,) float32
    heats, logits : (m, g, g) and (m, g * g) float32
    """
    learned_maps = logits.reshape(heats.shape)
    parts = (scores, learned, heats, learned_maps)
    standards = np.stack([standards_of(part) for part in parts])
    fusion = Fusion(standards, score_weight, map_weight)
    return fusion, fusion.scores(scores, learned), fusion.maps(heats, learned_maps)


def learned_scores(logits: Float, top_ratio: float) -> Float:
    """Return (n,) scores from (n, p) logits: the mean over the highest cells."""
    return np.array([top_mean(row, top_ratio) for row in logits], np.float32)


def trust_in_labels(n_anomalies: int) -> float:
    """Return the weight of scores learned from so many confirmed anomalies: 0 for none, at most 4.

    A handful has little: what it teaches may be the part that these defects happen to be on.
    """
    return 4.0 * n_anomalies**2 / (n_anomalies**2 + 200)


def trust_in_masks(n_masks: int) -> float:
    """Return the weight of a map learned from so many masks: 0 for none, at most 1."""
    return n_masks / (n_masks + 3)
