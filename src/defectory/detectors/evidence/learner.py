"""What the classifier makes of a study, with each image judged by networks that have not seen it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.cells import Cells
from defectory.detectors.evidence.classifier import CellClassifier, ClassifierSettings
from defectory.detectors.evidence.lessons import Lessons
from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.domain import Label

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Learned:
    """A classifier, and what it says of the images it came from.

    Attributes
    ----------
    classifier : of cells
    logits : (n, p) float32
        each image's by the network that has not learned from it; only where a defective image is the one
        there is, all networks have
    """

    classifier: CellClassifier
    logits: Float


@dataclass(frozen=True)
class Learner:
    """Teaches classifiers.

    Attributes
    ----------
    settings : of the classifiers
    seed : of folds and training
    """

    settings: ClassifierSettings
    seed: int

    def find_images(
        self, study: Study, simulated: Study | None, normality: GaussianNormality,
        is_suspect: Bools, is_normal: Bools,
    ) -> Learned:  # fmt: skip
        """Return what tells defective images: labels, suspects and simulated defects against normal images.

        (n,) is_normal says which images teach what is normal. Of a simulated defect its cells alone teach.
        Where suspects teach, cells are seen with their image's look. Without any it would teach what the
        few labeled products look like, or those that defects were drawn into.
        """
        p = study.described.shape[1]
        is_confirmed = study.codes == Label.ANOMALOUS
        lessons = Lessons(
            cells=_see(study, normality, bool(is_suspect.any())),
            is_surest=is_confirmed if is_confirmed.any() else is_suspect,
            normal=np.repeat(is_normal[:, None], p, axis=1),
            defective=study.defective_cells(normality, is_suspect),
        )
        if simulated is not None:
            nothing = np.zeros((len(simulated), p), bool)
            drawn = _see(simulated, normality, bool(is_suspect.any()))
            lessons = lessons.join(drawn, nothing, simulated.marked_cells())
        return self._learn(lessons, study, simulated)

    def find_places(
        self, study: Study, simulated: Study | None, normality: GaussianNormality, is_normal: Bools
    ) -> Learned:
        """Return what tells where in an image a defect is: masks, against all that they leave out."""
        lessons = Lessons(
            cells=study.cells(normality).in_context(),
            is_surest=study.has_mask,
            normal=is_normal[:, None] | study.bare_cells(),
            defective=study.marked_cells(),
        )
        if simulated is not None:
            cells = simulated.cells(normality).in_context()
            lessons = lessons.join(cells, simulated.bare_cells(), simulated.marked_cells())
        return self._learn(lessons, study, simulated)

    def _learn(self, lessons: Lessons, study: Study, simulated: Study | None) -> Learned:
        n, n_folds = len(study), self.settings.n_folds
        folds = deal_folds(lessons.is_defective[:n], n_folds, self.seed)
        if simulated is not None:
            folds = np.concatenate([folds, _folds_of_copies(study, simulated, folds, n_folds)])
        classifier = CellClassifier.train(lessons, folds, self.settings, self.seed)
        return Learned(classifier, classifier.left_out_logits(lessons.cells, folds[:n]))


def _see(study: Study, normality: GaussianNormality, with_image_look: bool) -> Cells:
    cells = study.cells(normality)
    return cells.with_image_look() if with_image_look else cells


def _folds_of_copies(
    study: Study, simulated: Study, folds: NDArray[np.intp], n_folds: int
) -> NDArray[np.intp]:
    """Return the folds of images with a drawn defect: those of the originals, where these are known."""
    known = dict(zip(study.indices.tolist(), folds.tolist(), strict=True))
    return np.array(
        [known.get(index, row % n_folds) for row, index in enumerate(simulated.indices.tolist())],
        np.intp,
    )


def deal_folds(is_defective: NDArray[np.bool_], n_folds: int, seed: int) -> NDArray[np.intp]:
    """Return (n,) folds, defective images and others dealt out evenly, at random."""
    rng = np.random.default_rng([seed, n_folds])
    folds = np.empty(len(is_defective), np.intp)
    for members in (np.flatnonzero(is_defective), np.flatnonzero(~is_defective)):
        folds[rng.permutation(members)] = np.arange(len(members)) % n_folds
    return folds
