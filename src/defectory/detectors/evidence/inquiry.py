"""How `auto` makes up its mind: what is normal, whom to distrust, what labels teach, and what of it pays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.account import explain, suspects_of
from defectory.detectors.evidence.classifier import ClassifierSettings
from defectory.detectors.evidence.descriptors import CellDescriptor
from defectory.detectors.evidence.distrust import robust_deviations, weigh
from defectory.detectors.evidence.fusion import fuse, standards_of
from defectory.detectors.evidence.guard import Verdict, judge
from defectory.detectors.evidence.learner import Learner
from defectory.detectors.evidence.memory import NAME_DIGITS, Memory
from defectory.detectors.evidence.opinion import Opinion
from defectory.detectors.evidence.parts import (
    Parts,
    assemble,
    has_enough_real,
    teach_images,
    teach_places,
)
from defectory.detectors.evidence.readings import Readings
from defectory.detectors.evidence.simulated import DefectDrawer
from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Weights
from defectory.domain import Label, Suspect
from defectory.pseudolabels import Contamination, estimate_contamination

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

# Unlabeled images below which nothing can be said of their contamination.
_LEAST_UNLABELED = 20
# Share of the unlabeled images, the oddest, that teach what a defect is where a collection is contaminated.
_PSEUDO_RATIO = 0.05
# Share of the unlabeled images, the oddest, that do not teach what is normal there.
_DOUBTED_RATIO = 0.15
# Of the refit: defects that nobody found have less say in directions that few images know.
_REFIT_SHRINKAGE = 0.1
# A person waits for an update; half the steps on half the cells give about the same (docs/detectors/auto.md).
_MOST_UPDATE_STEPS, _UPDATE_BATCH_SIZE = 150, 512
_STUDY_STREAM, _MEMORY_STREAM, _SIMULATION_STREAM = 7, 8, 10


@dataclass(frozen=True)
class InquirySettings:
    """See `Auto`; `n_studied` images at most are looked at closely, beside the labeled anomalies."""

    n_studied: ClassVar[int] = 2000

    use_labels: bool = True
    use_pseudo_labels: bool = True
    use_refit: bool = True
    n_simulated: int = 128
    n_steps: int = 300
    use_guard: bool = True
    top_ratio: float = 0.05
    map_weight: float = 1.0
    use_spread: bool = True
    least_sure: float = 0.5
    mixup: float = 0.0
    seed: int = 0

    def learner(self) -> Learner:
        """Return what teaches classifiers in a fit."""
        return Learner(
            ClassifierSettings(n_steps=self.n_steps, least_sure=self.least_sure, mixup=self.mixup),
            self.seed,
        )

    def quick_learner(self) -> Learner:
        """Return what teaches classifiers in an update, with a quarter of the work."""
        patient = self.learner()
        settings = replace(
            patient.settings,
            n_steps=min(self.n_steps, _MOST_UPDATE_STEPS),
            batch_size=_UPDATE_BATCH_SIZE,
        )
        return replace(patient, settings=settings)


@dataclass(frozen=True)
class Findings:
    """What came of it.

    Attributes
    ----------
    normality, descriptor, parts : of the detector
    memory : what the bundle remembers
    suspects, contamination, verdicts, account : for a person
    """

    normality: GaussianNormality
    descriptor: CellDescriptor
    parts: Parts
    memory: Memory
    suspects: tuple[Suspect, ...]
    contamination: Contamination | None
    verdicts: tuple[Verdict, ...]
    account: tuple[str, ...]


class Inquiry:
    """One fit of `auto`.

    Parameters
    ----------
    readings : the images
    settings : see `Auto`
    make_normality : returns a normality model that is not fitted; may be told its `shrinkage`
    """

    def __init__(
        self, readings: Readings, settings: InquirySettings,
        make_normality: Callable[..., GaussianNormality],
    ) -> None:  # fmt: skip
        self._readings, self._settings, self._make = readings, settings, make_normality
        self._learner = settings.learner()
        self._verdicts: list[Verdict] = []
        self._studied: Indices = np.empty(0, np.intp)

    def run(self) -> Findings:
        """Return what was found."""
        codes = self._readings.codes
        pool = np.flatnonzero(codes != Label.ANOMALOUS)
        plain = self._look(pool, None, "learning what is normal")
        contamination = self._estimate(plain)
        is_clear = contamination is not None and contamination.is_clear
        opinion = self._take_simulated(self._take_labels(plain))
        if is_clear and self._settings.use_pseudo_labels:
            opinion = self._take_suspects(opinion)
        number = 1 if opinion.normality is plain.normality else 2
        suspects = suspects_of(opinion, number) if is_clear else ()
        return self._conclude(opinion, contamination, suspects)

    def _look(self, pool: Indices, weights: Weights | None, stage: str) -> Opinion:
        """Return the opinion of a normality model fitted on the pool."""
        readings = self._readings
        unfitted = self._make() if weights is None else self._make(shrinkage=_REFIT_SHRINKAGE)
        normality = readings.learn(unfitted, pool, weights, stage)
        rows = self._to_study() if weights is None else self._studied
        study, descriptor = readings.study(normality, rows, weights, "scoring images left out")
        self._studied = rows
        scores = normality.image_scores(study.measured)
        nobody = np.zeros(len(study), bool)
        return Opinion(study, descriptor, normality, None, nobody, None, scores)

    def _to_study(self) -> Indices:
        """Return the images to look at closely: all, or a random share where there are too many."""
        codes = self._readings.codes
        rng = np.random.default_rng([self._settings.seed, _STUDY_STREAM])
        limit = self._settings.n_studied
        parts = [np.flatnonzero(codes != Label.ANOMALOUS)]
        if self._settings.use_labels:
            parts.append(np.flatnonzero(codes == Label.ANOMALOUS))
        return np.sort(np.concatenate([rng.permutation(part)[:limit] for part in parts]))

    def _estimate(self, plain: Opinion) -> Contamination | None:
        codes, scores = plain.study.codes, plain.scores
        unlabeled = scores[codes == Label.UNLABELED]
        if len(unlabeled) < _LEAST_UNLABELED:
            return None
        return estimate_contamination(
            unlabeled,
            scores[codes == Label.NORMAL],
            scores[codes == Label.ANOMALOUS],
            seed=self._settings.seed,
        )

    def _take_labels(self, plain: Opinion) -> Opinion:
        """Return the opinion that labeled anomalies give, or the plain one."""
        return self._teach(plain, np.zeros(len(plain.study), bool))

    def _take_simulated(self, opinion: Opinion) -> Opinion:
        """Return the opinion that simulated defects teach beside what labels did."""
        if not self._settings.n_simulated:
            return opinion
        drawn = replace(opinion, simulated=self._simulate(opinion))
        if has_enough_real(opinion.study.codes, opinion.is_suspect):
            return drawn  # for the map alone
        return self._better("simulated defects", opinion, self._teach(drawn, opinion.is_suspect))

    def _simulate(self, opinion: Opinion) -> Study:
        """Return defects drawn into studied images that are not the oddest."""
        readings, study = self._readings, opinion.study
        drawer = DefectDrawer(
            readings.images, readings.backbone, readings.view, self._settings.seed
        )
        usable = study.codes == Label.NORMAL
        if (study.codes == Label.UNLABELED).any():
            usable |= (study.codes == Label.UNLABELED) & ~opinion.oddest(_DOUBTED_RATIO)
        rng = np.random.default_rng([self._settings.seed, _SIMULATION_STREAM])
        rows = np.sort(rng.permutation(study.indices[usable])[: self._settings.n_simulated])
        return drawer.study(opinion.normality, opinion.descriptor, rows, readings.progress)

    def _take_suspects(self, opinion: Opinion) -> Opinion:
        """Return the opinion that learns from suspects, and from a normality model that distrusts them."""
        taught = self._teach(opinion, opinion.oddest(_PSEUDO_RATIO))
        best = self._better("pseudo-labels", opinion, taught)
        if not self._settings.use_refit:
            return best
        refitted = self._refit(taught)
        if taught.simulated is not None:
            refitted = replace(refitted, simulated=self._simulate(refitted))
        again = self._teach(refitted, taught.oddest(_PSEUDO_RATIO), doubts=taught)
        return self._better("refit", best, again)

    def _refit(self, opinion: Opinion) -> Opinion:
        """Return the opinion of a normality model in which odd images have little say."""
        study = opinion.study
        is_pool = study.codes != Label.ANOMALOUS
        codes, scores = study.codes[is_pool], opinion.scores[is_pool]
        deviations = robust_deviations(scores, scores)
        cells = opinion.normality.standardized_cells(study.measured)[:, :, 0].T[is_pool]
        weights = weigh(deviations, cells, codes)
        return self._look(study.indices[is_pool], weights, "learning with doubts")

    def _teach(self, opinion: Opinion, is_suspect: Bools, doubts: Opinion | None = None) -> Opinion:
        """Return the opinion with a classifier that labels and suspects taught, or else simulated defects."""
        study = opinion.study
        is_normal = study.codes == Label.NORMAL
        unlabeled = study.codes == Label.UNLABELED
        is_doubted = (doubts or opinion).oddest(_DOUBTED_RATIO) if is_suspect.any() else is_suspect
        found = teach_images(
            study, opinion.simulated, opinion.normality, self._learner, is_suspect,
            is_normal | (unlabeled & ~is_doubted), self._settings.top_ratio,
        )  # fmt: skip
        if found is None:
            return opinion
        plain, others = opinion.normality.image_scores(study.measured), is_normal | unlabeled
        standards = standards_of(plain[others]), standards_of(found.scores[others])
        scores = fuse(plain, found.scores, standards, found.weight)
        return replace(opinion, found=found, is_suspect=is_suspect, scores=scores)

    def _better(self, name: str, baseline: Opinion, candidate: Opinion) -> Opinion:
        """Return the candidate, or the baseline where the guard finds that it hurts."""
        if not self._settings.use_guard:
            return candidate
        verdict = judge(name, baseline.scores, candidate.scores, baseline.study.codes)
        self._verdicts.append(verdict)
        return candidate if verdict.is_kept else baseline

    def _conclude(
        self, opinion: Opinion, contamination: Contamination | None, suspects: tuple[Suspect, ...]
    ) -> Findings:
        study, images = opinion.study, self._readings.images
        presumed = opinion.presumed_normal(contamination)
        places = teach_places(
            study, opinion.simulated, opinion.normality, self._learner, presumed,
            self._settings.map_weight,
        )  # fmt: skip
        return Findings(
            normality=opinion.normality,
            descriptor=opinion.descriptor,
            parts=assemble(
                study, opinion.normality, opinion.found, places, presumed, self._settings.use_spread
            ),
            memory=Memory.of(
                study,
                [images.fingerprint(int(i))[:NAME_DIGITS] for i in study.indices],
                opinion.is_suspect,
                presumed & ~opinion.is_suspect,
                presumed,
                opinion.simulated,
                np.random.default_rng([self._settings.seed, _MEMORY_STREAM]),
            ),
            suspects=suspects,
            contamination=contamination,
            verdicts=tuple(self._verdicts),
            account=explain(
                self._readings.codes, opinion, contamination, len(suspects), self._verdicts
            ),
        )  # fmt: skip
