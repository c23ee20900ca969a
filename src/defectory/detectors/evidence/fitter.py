"""One fit of `auto`: what is normal, whom to distrust, what labels teach, what is told."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.classifier import ClassifierSettings
from defectory.detectors.evidence.evidence import Evidence
from defectory.detectors.evidence.learned_state import (
    ClassifierTrainer,
    LearnedState,
    TrainedClassifier,
    fuse,
    learned_scores,
    scale_of,
)
from defectory.detectors.evidence.measured_images import FeaturePasses, MeasuredImages
from defectory.detectors.evidence.memory import LearnedImages, RememberedImages
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.suspects import (
    ViewDeviations,
    list_suspects,
    robust_deviations,
    weigh,
)
from defectory.detectors.grouping import draw_whole_groups
from defectory.domain import CONTENT_DIGITS, Label, Suspect
from defectory.pseudolabels import Contamination, estimate_contamination

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

LEAST_NORMALS = 2
"""Images below which nothing tells what is normal."""
LEAST_UNLABELED = 20
"""Unlabeled images below which nothing can be said of their contamination."""
# A person waits for an update; half the steps on half the places give about the same.
_MOST_UPDATE_STEPS, _UPDATE_BATCH_SIZE = 150, 512
_STUDY_STREAM, _MEMORY_STREAM = 7, 8


@dataclass(frozen=True)
class FitSettings:
    """See `Auto`; `n_studied` images at most are looked at closely, beside the labeled anomalies."""

    n_studied: ClassVar[int] = 2000

    use_labels: bool = True
    use_refit: bool = True
    n_steps: int = 300
    top_ratio: float = 0.05
    map_weight: float = 1.0
    seed: int = 0

    def trainer(self) -> ClassifierTrainer:
        """Return what teaches classifiers in a fit."""
        return ClassifierTrainer(
            ClassifierSettings(n_steps=self.n_steps), self.map_weight, self.seed
        )

    def quick_trainer(self) -> ClassifierTrainer:
        """Return what teaches classifiers in an update, with a quarter of the work."""
        quick = ClassifierSettings(
            n_steps=min(self.n_steps, _MOST_UPDATE_STEPS), batch_size=_UPDATE_BATCH_SIZE
        )
        return replace(self.trainer(), settings=quick)


@dataclass(frozen=True)
class FitCandidate:
    """A normality model, what it says of the studied images, and what was learned beside it.

    Attributes
    ----------
    known, normality : n images, and the model that measured them
    trained : classifier for image scores, None where there is none
    scores : (n,) float32, left-out image scores of both
    n_rounds : normality models that were fitted on the way
    doubted : (k,) images that count less than half in what is normal
    """

    known: MeasuredImages
    normality: Normality
    trained: TrainedClassifier | None
    scores: Float
    n_rounds: int = 1
    doubted: Indices = field(default_factory=lambda: np.empty(0, np.intp))

    @property
    def is_unlabeled(self) -> Bools:
        """(n,) bool."""
        return np.asarray(self.known.codes == Label.UNLABELED)

    def presumed_normal(self, contamination: Contamination | None) -> Bools:
        """Return (n,) bool, the images that thresholds are set by: not those that surely are anomalous.

        As many of the oddest unlabeled images are left out as the collection holds anomalies at least: to
        leave out more could break the promise of the threshold.
        """
        presumed = np.asarray(self.known.codes != Label.ANOMALOUS)
        if contamination is None or not contamination.is_clear or contamination.lower <= 0:
            return presumed
        unlabeled = self.is_unlabeled
        limit = np.quantile(self.scores[unlabeled], 1 - contamination.lower)
        return np.asarray(presumed & ~(unlabeled & (self.scores > limit)))


@dataclass(frozen=True)
class FitSummary:
    """What came of a fit.

    Attributes
    ----------
    evidence : what scores images
    held_out : (m,) images of the fit that are not labeled anomalous
    held_out_scores, held_out_maps : (m,) and (m, rows, columns), of these by models without them
    left_out_defects : scores of labeled defects, likewise; none where all are of one group
    memory : what the bundle remembers
    suspects, contamination, account : for a person
    """

    evidence: Evidence
    held_out: Indices
    held_out_scores: Float
    held_out_maps: Float
    left_out_defects: Float
    memory: RememberedImages
    suspects: tuple[Suspect, ...]
    contamination: Contamination | None
    account: tuple[str, ...]


class AutoFitter:
    """One fit of `auto`.

    Parameters
    ----------
    passes : over the images
    settings : see `Auto`
    make_normality : returns a normality model that is not fitted
    normality : of a collection that the images are drawn from; None to learn one from them
    studied : images to look at closely, of whole groups; None to draw at most `FitSettings.n_studied`
    """

    def __init__(
        self,
        passes: FeaturePasses,
        settings: FitSettings,
        make_normality: Callable[[], Normality],
        normality: Normality | None = None,
        studied: Indices | None = None,
    ) -> None:
        self._passes, self._settings, self._make = passes, settings, make_normality
        self._normality, self._studied = normality, studied

    def run(self) -> FitSummary:
        """Fit normality; distrust odd images and fit again; learn from labels; calibrate."""
        found = self._fit_normality()
        contamination = self._estimate(found)
        is_contaminated = contamination is not None and contamination.is_clear
        if is_contaminated and self._settings.use_refit:
            found = self._fit_again(found)
        found = self._teach(found, contamination)
        suspects = _suspects_of(found) if is_contaminated else ()
        return self._calibrate(found, contamination, suspects)

    def _fit_normality(self) -> FitCandidate:
        pool = np.flatnonzero(self._passes.codes != Label.ANOMALOUS)
        normality = self._normality
        if normality is None:
            normality = self._passes.learn(self._make(), pool, None, "learning what is normal")
        known = self._passes.measure_left_out(normality, self._to_study(), None, self._make)
        return FitCandidate(known, normality, None, normality.image_scores(known.measured))

    def _fit_again(self, found: FitCandidate) -> FitCandidate:
        """Return the candidate whose normality model odd images weigh little in."""
        known = found.known
        is_pool = known.codes != Label.ANOMALOUS
        rows = known.indices[is_pool]
        odd = found.normality.standardized_places(known.measured)[is_pool]
        weights = weigh(robust_deviations(found.scores[is_pool]), odd, known.codes[is_pool])
        normality = self._passes.learn(self._make(), rows, weights, "learning with doubts")
        again = self._passes.measure_left_out(normality, known.indices, weights, self._make)
        return FitCandidate(
            again,
            normality,
            None,
            normality.image_scores(again.measured),
            found.n_rounds + 1,
            rows[weights.image < 0.5],
        )

    def _to_study(self) -> Indices:
        """Return the images to look at closely: all, or a random share where there are too many."""
        if self._studied is not None:
            return self._studied
        codes = self._passes.codes
        rng = np.random.default_rng([self._settings.seed, _STUDY_STREAM])
        parts = [np.flatnonzero(codes != Label.ANOMALOUS)]
        if self._settings.use_labels:
            parts.append(np.flatnonzero(codes == Label.ANOMALOUS))
        limit, groups = self._settings.n_studied, self._passes.groups
        drawn = [draw_whole_groups(part, groups, limit, rng) for part in parts if len(part)]
        return np.sort(np.concatenate(drawn))

    def _estimate(self, found: FitCandidate) -> Contamination | None:
        codes = found.known.codes
        scores = found.normality.scores_within(found.known.measured)
        unlabeled = scores[codes == Label.UNLABELED]
        if len(unlabeled) < LEAST_UNLABELED:
            return None
        return estimate_contamination(
            unlabeled,
            scores[codes == Label.NORMAL],
            scores[codes == Label.ANOMALOUS],
            seed=self._settings.seed,
        )

    def _teach(self, found: FitCandidate, contamination: Contamination | None) -> FitCandidate:
        """Return the candidate with a classifier that labeled defects taught, or itself without any."""
        presumed = found.presumed_normal(contamination)
        trained = self._settings.trainer().for_images(found.known, found.normality, presumed)
        if trained.classifier is None:
            return found
        parts = found.scores, learned_scores(trained.logits, self._settings.top_ratio)
        scales = np.stack([scale_of(part[presumed]) for part in parts], axis=1)
        return replace(found, trained=trained, scores=fuse(*parts, scales, trained.weight))

    def _calibrate(
        self, found: FitCandidate, contamination: Contamination | None,
        suspects: tuple[Suspect, ...],
    ) -> FitSummary:  # fmt: skip
        known = found.known
        presumed = found.presumed_normal(contamination)
        nothing = TrainedClassifier(None, np.zeros(known.coverage.shape, np.float32), 0.0)
        learned, scores, maps = LearnedState.of(
            known,
            found.normality,
            found.trained or nothing,
            self._settings.trainer().for_maps(known, found.normality, presumed),
            presumed,
            self._settings.top_ratio,
        )
        rows = np.flatnonzero(known.codes != Label.ANOMALOUS)
        rng = np.random.default_rng([self._settings.seed, _MEMORY_STREAM])
        return FitSummary(
            evidence=Evidence(found.normality, learned),
            held_out=known.indices[rows],
            held_out_scores=scores[rows],
            held_out_maps=maps[rows],
            left_out_defects=scores[(known.codes == Label.ANOMALOUS) & known.can_leave_defects_out],
            memory=RememberedImages.of(
                known,
                self._names(known.indices),
                presumed,
                rng,
                self._learned(found),
                frozenset(self._names(found.doubted)),
            ),
            suspects=suspects,
            contamination=contamination,
            account=_explain(self._passes.codes, found, contamination, len(suspects)),
        )

    def _learned(self, found: FitCandidate) -> LearnedImages:
        """Return what normality has learned from beside the studied images; a second fit takes only those."""
        if found.n_rounds > 1 or self._normality is not None:
            return LearnedImages()
        pool = np.flatnonzero(self._passes.codes != Label.ANOMALOUS)
        rows = np.setdiff1d(pool, found.known.indices)
        return LearnedImages(self._names(rows), self._passes.groups[rows])

    def _names(self, rows: Indices) -> tuple[str, ...]:
        images = self._passes.images
        return tuple(images.fingerprint(int(row))[:CONTENT_DIGITS] for row in rows)


def _suspects_of(found: FitCandidate) -> tuple[Suspect, ...]:
    """Return the suspects, with what each view says of them."""
    rows = np.flatnonzero(found.is_unlabeled)
    measured = found.known.measured.take(rows)
    places = found.normality.standardized_places(measured)
    sides = {
        "its oddest places": places.max(axis=1),
        "the image as a whole": measured.image,
    }
    deviations = np.stack([robust_deviations(side) for side in sides.values()])
    scores = found.scores[rows]
    weights = weigh(robust_deviations(scores), places, found.known.codes[rows]).image
    views = ViewDeviations(list(sides), deviations)
    return list_suspects(found.known.indices[rows], scores, weights, views, found.n_rounds)


def _explain(
    codes: NDArray[np.int8], found: FitCandidate, contamination: Contamination | None,
    n_suspects: int,
) -> tuple[str, ...]:  # fmt: skip
    """Return what there was and what was done with it, in at most three lines.

    Parameters
    ----------
    codes : of Label, of all images that were given, studied or not
    """
    n = {code: int((codes == code).sum()) for code in Label}
    n_masks = int(found.known.has_mask.sum())
    lines = [
        f"evidence: {n[Label.NORMAL]} images labeled normal, {n[Label.ANOMALOUS]} labeled defective "
        f"({n_masks} with a mask), {n[Label.UNLABELED]} unlabeled",
    ]
    if contamination is not None:
        lines.append(f"unlabeled images: {contamination.explain()}")
        if n_suspects:
            lines[-1] += f" {n_suspects} of them weigh little."
    if found.trained is None:
        lines.append("scores: by what is normal alone")
    else:
        lines.append(
            f"scores: by what is normal, and {found.trained.weight:.1f} times a classifier of places"
        )
    return tuple(lines)
