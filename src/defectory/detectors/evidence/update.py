"""Labels taken after a fit, from what the bundle remembers: no image of the fit is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.evidence import Evidence
from defectory.detectors.evidence.fitter import LEAST_NORMALS, FitSettings
from defectory.detectors.evidence.learned_state import LearnedState
from defectory.detectors.evidence.measured_images import FeaturePasses, MeasuredImages
from defectory.detectors.evidence.memory import RememberedImages
from defectory.detectors.revision import Confirmed
from defectory.domain import DataError, HeldOutScores, Label

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Taught:
    """What came of an update.

    Attributes
    ----------
    evidence, memory : what scores images, and what is remembered of n images
    scores, maps : (n,) and (n, rows, columns), of these, by models that have not learned from them
    before : the same images by the old normality
    labeled_before : names of images that had a label already
    """

    evidence: Evidence
    memory: RememberedImages
    scores: Float
    maps: Float
    before: MeasuredImages
    labeled_before: frozenset[str]

    def held_out(self, peaks: Sequence[float]) -> HeldOutScores:
        """Return the left-out scores that thresholds are fitted on.

        Parameters
        ----------
        peaks : highest values of the maps of the images `calibrating`
        """
        memory, rows = self.memory, self.calibrating
        return HeldOutScores.of(
            self.scores[rows],
            peaks,
            is_confirmed=memory.known.codes[rows] == Label.NORMAL,
            groups=memory.known.groups[rows],
            contents=[memory.names[row] for row in rows],
        )

    @property
    def calibrating(self) -> NDArray[np.intp]:
        """Rows of the images that are not labeled anomalous."""
        return np.flatnonzero(self.memory.known.codes != Label.ANOMALOUS)

    @property
    def left_out_defects(self) -> Float:
        """(m,) left-out scores of the labeled defects; none where all are of one group."""
        known = self.memory.known
        defects: Float = self.scores[(known.codes == Label.ANOMALOUS) & known.can_leave_defects_out]
        return defects


def teach(
    evidence: Evidence, memory: RememberedImages, passes: FeaturePasses, names: Sequence[str],
    settings: FitSettings,
) -> Taught:  # fmt: skip
    """Return what labels of the images of `passes` change.

    Good images are learned as normal, those of the fit only where it doubted them. Classifiers are trained
    anew on what is remembered, and on the new images. Images of the fit are measured as if it had not seen
    them.

    Parameters
    ----------
    names : of the images, as the memory calls them

    Raises
    ------
    DataError : the labels leave nothing that is normal.
    """
    codes = passes.codes
    labeled_before = frozenset(memory.names[row] for row in memory.confirmed)
    absorbed = np.flatnonzero((codes == Label.NORMAL) & ~memory.are_learned(names))
    groups = memory.free_group(evidence.normality) + np.arange(len(absorbed))
    normality = passes.absorb(evidence.normality, absorbed, groups)
    learned_as = memory.learned.groups_of(names)
    new = passes.measure_new(
        evidence.normality, np.arange(len(codes)), "reading labeled images", learned_as
    )
    doubted = np.isin(absorbed, np.flatnonzero(np.isin(names, list(memory.doubted))))
    memory = memory.with_labels(new, names)
    before = memory.known
    if doubted.any() and normality.leaves_out_when_rounded:
        # what it holds against an image may be that it doubted others like it
        rows = absorbed[doubted]
        again = passes.measure_new(normality, rows, "leaving images out again", groups[doubted])
        memory = memory.measured_anew(again, [names[row] for row in rows])
    n_normal = int(memory.is_presumed.sum())
    if n_normal < LEAST_NORMALS:
        raise DataError(
            f"with these labels {n_normal} of the {len(memory)} images that the bundle "
            f"remembers are normal; at least {LEAST_NORMALS} are needed to tell what is normal. Are "
            "good and bad swapped? Else fit anew, on good images"
        )
    known, presumed, trainer = memory.known, memory.is_presumed, settings.quick_trainer()
    learned, scores, maps = LearnedState.of(
        known,
        normality,
        trainer.for_images(known, normality, presumed),
        trainer.for_maps(known, normality, presumed),
        presumed,
        settings.top_ratio,
    )
    return Taught(Evidence(normality, learned), memory, scores, maps, before, labeled_before)


def compare_confirmed(
    old: Evidence, taught: Taught, names: Sequence[str], before: Float, after: Float
) -> tuple[Confirmed, ...]:
    """Return how all images with a confirmed label scored before the update and after it.

    Parameters
    ----------
    names : of the m images that were labeled now
    before, after : (m,) their scores by the bundles before and after
    """
    memory = taught.memory
    row_of = {name: row for row, name in enumerate(memory.names)}
    rows = np.array([row_of[name] for name in names], np.intp)
    # what neither has learned from: the old one no label of these, the new one of other folds
    left_out = old.score_known(taught.before.take(rows)), taught.scores[rows]
    confirmed = {}
    for name, code, *scores in zip(
        names, memory.known.codes[rows], before, after, *left_out, strict=True
    ):
        if name in taught.labeled_before:
            continue
        is_learned = code == Label.ANOMALOUS and not memory.known.can_leave_defects_out
        told = scores[:2] if is_learned else scores
        confirmed[name] = Confirmed(name, int(code), *(float(score) for score in told))
    # labels of before are compared alike, whether they were given again or not
    others = [row for row in memory.confirmed if memory.names[row] not in confirmed]
    rest = np.array(others, np.intp)
    pairs = zip(
        old.score_known(taught.before.take(rest)),
        taught.evidence.score_known(memory.known.take(rest)),
        strict=True,
    )
    for row, (one, other) in zip(others, pairs, strict=True):
        name, code = memory.names[row], int(memory.known.codes[row])
        confirmed[name] = Confirmed(name, code, float(one), float(other))
    return tuple(confirmed.values())
