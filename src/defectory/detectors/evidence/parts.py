"""From what was learned to the parts of a detector, standardized on normals left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.classifier import CellClassifier
from defectory.detectors.evidence.fusion import (
    Fusion,
    fuse_normals,
    learned_scores,
    trust_in_labels,
    trust_in_masks,
)
from defectory.detectors.evidence.learner import Learner
from defectory.detectors.evidence.memory import Memory
from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.domain import Label

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """What scores images beside the normality model.

    Attributes
    ----------
    images, places : classifiers of cells for image scores and for maps; None where there was nothing to learn
    fusion : of both with normality
    held_out_scores, held_out_maps : (m,) and (m, g, g), of presumed normals by models without them
    """

    images: CellClassifier | None
    places: CellClassifier | None
    fusion: Fusion
    held_out_scores: Float
    held_out_maps: Float


TRUST_IN_SUSPECTS = 2.0
"""Weight of a classifier that suspects taught, beside normality's 1."""


@dataclass(frozen=True)
class ImageEvidence:
    """What a classifier adds to image scores.

    Attributes
    ----------
    classifier : of cells
    scores : (n,) float32 of the studied images, each by networks that have not learned from it
    weight : > 0, beside normality's 1
    """

    classifier: CellClassifier
    scores: Float
    weight: float


def assemble(
    study: Study, normality: GaussianNormality, learner: Learner, found: ImageEvidence | None,
    is_presumed: Bools, map_weight: float,
) -> Parts:  # fmt: skip
    """Return the parts; masks, where there are any, teach the map.

    Parameters
    ----------
    found : or None for normality alone
    is_presumed : (n,) bool, images that calibrate as normal ones
    map_weight : >= 0, of a map that many masks have taught
    """
    n_masks = int(study.has_mask.sum())
    places = learner.find_places(study, is_presumed) if n_masks and map_weight else None
    measured = study.measured.take(np.flatnonzero(is_presumed))
    nothing = np.zeros(len(study), np.float32)
    logits = np.zeros(study.coverage.shape, np.float32) if places is None else places.logits
    fusion, scores, maps = fuse_normals(
        normality.image_scores(measured),
        (nothing if found is None else found.scores)[is_presumed],
        normality.map_cells(measured),
        logits[is_presumed],
        0.0 if found is None else found.weight,
        map_weight * trust_in_masks(n_masks) if places else 0.0,
    )
    return Parts(
        None if found is None else found.classifier,
        None if places is None else places.classifier,
        fusion,
        scores,
        maps,
    )


def relearn(
    memory: Memory,
    normality: GaussianNormality,
    learner: Learner,
    top_ratio: float,
    map_weight: float,
) -> Parts:
    """Return the parts that the labels and suspects in a memory teach."""
    study = memory.study
    n = int((study.codes == Label.ANOMALOUS).sum())
    has_suspects = bool(memory.is_suspect.any())
    if not (n or has_suspects):
        return assemble(study, normality, learner, None, memory.is_presumed, map_weight)
    taught = learner.find_images(study, normality, memory.is_suspect, memory.teaches_normal)
    weight = max(trust_in_labels(n), TRUST_IN_SUSPECTS if has_suspects else 0.0)
    found = ImageEvidence(taught.classifier, learned_scores(taught.logits, top_ratio), weight)
    return assemble(study, normality, learner, found, memory.is_presumed, map_weight)
