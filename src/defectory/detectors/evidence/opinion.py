"""One way to score the studied images, while `auto` makes up its mind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.descriptors import CellDescriptor
from defectory.detectors.evidence.parts import ImageEvidence
from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.domain import Label
from defectory.pseudolabels import Contamination

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Opinion:
    """A normality model, and what was learned beside it, if anything.

    Attributes
    ----------
    study, descriptor, normality : the model and what it says of n images
    found : what a classifier of cells adds, or None for normality alone
    is_suspect : (n,) bool, unlabeled images that taught it what a defect is
    simulated : defects that taught it, or None
    scores : (n,) float32, left-out image scores of both
    """

    study: Study
    descriptor: CellDescriptor
    normality: GaussianNormality
    found: ImageEvidence | None
    is_suspect: Bools
    simulated: Study | None
    scores: Float

    @property
    def weight(self) -> float:
        """Of what the classifier adds, beside normality's 1."""
        return 0.0 if self.found is None else self.found.weight

    @property
    def is_unlabeled(self) -> Bools:
        """(n,) bool."""
        return np.asarray(self.study.codes == Label.UNLABELED)

    def oddest(self, ratio: float) -> Bools:
        """Return (n,) bool, the oddest unlabeled images: such a share of these."""
        unlabeled = self.is_unlabeled
        limit = np.quantile(self.scores[unlabeled], 1 - ratio)
        return np.asarray(unlabeled & (self.scores > limit))

    def presumed_normal(self, contamination: Contamination | None) -> Bools:
        """Return (n,) bool, the images that thresholds are set by: not those that surely are anomalous.

        As many of the oddest unlabeled images are left out as the collection holds anomalies at least: to
        leave out more could break the promise of the threshold.
        """
        presumed = np.asarray(self.study.codes != Label.ANOMALOUS)
        if contamination is None or not contamination.is_clear or contamination.lower <= 0:
            return presumed
        return np.asarray(presumed & ~self.oddest(contamination.lower))
