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
from defectory.detectors.evidence.spreading import spread
from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.domain import Label

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Weights, beside normality's 1, of image scores that suspects taught, and that simulated defects did.
_TRUST_IN_SUSPECTS, _TRUST_IN_SIMULATED = 2.0, 0.4
# Weight of a map that simulated defects taught.
_TRUST_IN_SIMULATED_MAP = 0.5
# So many masks teach places, and so many labeled defects image scores, better than any simulation.
_ENOUGH_MASKS, _ENOUGH_LABELS = 10, 5


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


@dataclass(frozen=True)
class PlaceEvidence:
    """What a classifier adds to maps.

    Attributes
    ----------
    classifier : of cells
    logits : (n, p) float32 of the studied images' cells, each by networks that have not learned from it
    weight : > 0, beside normality's 1
    """

    classifier: CellClassifier
    logits: Float
    weight: float


def assemble(
    study: Study, normality: GaussianNormality, images: ImageEvidence | None,
    places: PlaceEvidence | None, is_presumed: Bools, use_spread: bool,
) -> Parts:  # fmt: skip
    """Return the parts of a detector.

    Parameters
    ----------
    images, places : None for normality alone
    is_presumed : (n,) bool, images that calibrate as normal ones
    use_spread : whether maps are spread over cells that look alike
    """
    measured = study.measured.take(np.flatnonzero(is_presumed))
    n, p = study.coverage.shape
    fusion, scores, maps = fuse_normals(
        normality.image_scores(measured),
        (np.zeros(n, np.float32) if images is None else images.scores)[is_presumed],
        normality.map_cells(measured),
        (np.zeros((n, p), np.float32) if places is None else places.logits)[is_presumed],
        0.0 if images is None else images.weight,
        0.0 if places is None else places.weight,
    )
    return Parts(
        None if images is None else images.classifier,
        None if places is None else places.classifier,
        fusion,
        scores,
        spread(maps, study.described[is_presumed]) if use_spread else maps,
    )


def has_enough_real(codes: NDArray[np.int8], is_suspect: Bools) -> bool:
    """Return whether image scores do without simulated defects: beside enough real ones these lose."""
    return bool(is_suspect.any()) or int((codes == Label.ANOMALOUS).sum()) >= _ENOUGH_LABELS


def teach_images(
    study: Study, simulated: Study | None, normality: GaussianNormality, learner: Learner,
    is_suspect: Bools, is_normal: Bools, top_ratio: float,
) -> ImageEvidence | None:  # fmt: skip
    """Return what labels and suspects, or else simulated defects, teach of images; None without any.

    Parameters
    ----------
    is_suspect, is_normal : (n,) bool, images that teach what a defect is, and what is normal
    top_ratio : (0, 1], share of the cells whose mean logit is an image's score
    """
    drawn = None if has_enough_real(study.codes, is_suspect) else simulated
    weight = max(
        trust_in_labels(int((study.codes == Label.ANOMALOUS).sum())),
        _TRUST_IN_SUSPECTS * bool(is_suspect.any()),
        _TRUST_IN_SIMULATED * bool(drawn),
    )
    if not weight:
        return None
    taught = learner.find_images(study, drawn, normality, is_suspect, is_normal)
    return ImageEvidence(taught.classifier, learned_scores(taught.logits, top_ratio), weight)


def teach_places(
    study: Study, simulated: Study | None, normality: GaussianNormality, learner: Learner,
    is_presumed: Bools, map_weight: float,
) -> PlaceEvidence | None:  # fmt: skip
    """Return what masks and, until there are enough, simulated defects teach of maps; None without any.

    Parameters
    ----------
    is_presumed : (n,) bool, images that teach what is normal
    map_weight : >= 0, of a map that many masks have taught
    """
    n_masks = int(study.has_mask.sum())
    weight = map_weight * max(trust_in_masks(n_masks), _TRUST_IN_SIMULATED_MAP * bool(simulated))
    if not weight:
        return None
    drawn = simulated if n_masks < _ENOUGH_MASKS else None
    taught = learner.find_places(study, drawn, normality, is_presumed)
    return PlaceEvidence(taught.classifier, taught.logits, weight)


def relearn(
    memory: Memory,
    normality: GaussianNormality,
    learner: Learner,
    top_ratio: float,
    map_weight: float,
    use_spread: bool,
) -> Parts:
    """Return the parts that the labels, suspects and simulated defects in a memory teach."""
    study, simulated = memory.study, memory.simulated
    images = teach_images(
        study, simulated, normality, learner, memory.is_suspect, memory.teaches_normal, top_ratio
    )
    places = teach_places(study, simulated, normality, learner, memory.is_presumed, map_weight)
    return assemble(study, normality, images, places, memory.is_presumed, use_spread)
