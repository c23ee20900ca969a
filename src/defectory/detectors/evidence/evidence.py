"""What a finished fit says of new images: what is normal, and what labels taught, on one scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.learned_state import LearnedState
from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.training_set import N_DISTANCES

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """A normality model and what was learned beside it; `auto` judges by it, `mapl` adds its network."""

    normality: Normality
    learned: LearnedState

    def score(self, batch: list[Features]) -> tuple[Float, Float]:
        """Return (n,) scores and (n, rows, columns) cells of maps; no image's depend on the others."""
        samples = self.normality.sample(batch)
        measured = self.normality.measure(samples)
        return self.learned.score(
            self.normality, measured, lambda: self.normality.describe(samples)
        )

    def score_known(self, known: MeasuredImages) -> Float:
        """Return (n,) scores of images that were measured before, as if they were new to the classifiers."""
        if not len(known):
            return np.zeros(0, np.float32)
        return self.learned.score(self.normality, known.measured, lambda: known.described)[0]

    def arrays(self) -> Arrays:
        """Return the state of both."""
        parts = {"normality": self.normality.arrays(), "learned": self.learned.arrays()}
        return {
            f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()
        }

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], normality: Normality, backbone: Backbone, top_ratio: float
    ) -> Self:  # fmt: skip
        """Return what `arrays` described; ParameterError where it does not fit.

        Parameters
        ----------
        normality : not fitted, for images of the size that the fit read
        """
        normality.restore(part_of(arrays, "normality"), backbone)
        n_components = normality.n_components
        columns = n_components + N_DISTANCES, 2 * n_components + N_DISTANCES - 1
        return cls(normality, LearnedState.restore(part_of(arrays, "learned"), columns, top_ratio))


def part_of(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of one part, under the names that it gave them."""
    prefix = f"{name}."
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
