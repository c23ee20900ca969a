"""What the classifier makes of a study, with each image judged by networks that have not seen it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    logits : (n, p) float32, each image's by the network that has not learned from it
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
        self, study: Study, normality: GaussianNormality, is_suspect: Bools, is_normal: Bools
    ) -> Learned:
        """Return what tells defective images: labels and suspects against normal images.

        It sees evidence as well as looks; (n,) is_normal says which images teach what is normal.
        """
        return self._learn(
            Lessons(
                cells=study.cells(normality),
                is_confirmed=study.codes == Label.ANOMALOUS,
                normal=np.repeat(is_normal[:, None], study.described.shape[1], axis=1),
                defective=study.defective_cells(normality, is_suspect),
            )
        )

    def find_places(self, study: Study, is_normal: Bools) -> Learned:
        """Return what tells where in an image a defect is: masks, against all that they leave out.

        It sees looks alone: evidence of the whole image would raise all of a defective image's cells.
        """
        return self._learn(
            Lessons(
                cells=study.looks(),
                is_confirmed=study.codes == Label.ANOMALOUS,
                normal=is_normal[:, None] | study.bare_cells(),
                defective=study.marked_cells(),
            )
        )

    def _learn(self, lessons: Lessons) -> Learned:
        folds = deal_folds(lessons.is_defective, self.settings.n_folds, self.seed)
        classifier = CellClassifier.train(lessons, folds, self.settings, self.seed)
        return Learned(classifier, classifier.left_out_logits(lessons.cells, folds))


def deal_folds(is_defective: NDArray[np.bool_], n_folds: int, seed: int) -> NDArray[np.intp]:
    """Return (n,) folds, defective images and others dealt out evenly, at random."""
    rng = np.random.default_rng([seed, n_folds])
    folds = np.empty(len(is_defective), np.intp)
    for members in (np.flatnonzero(is_defective), np.flatnonzero(~is_defective)):
        folds[rng.permutation(members)] = np.arange(len(members)) % n_folds
    return folds
