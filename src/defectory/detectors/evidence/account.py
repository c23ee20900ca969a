"""What `auto` tells a person: whom it distrusts and why, which evidence it found and what it did with it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.evidence.distrust import Views, list_suspects, robust_deviations, weigh
from defectory.detectors.evidence.guard import Verdict
from defectory.detectors.evidence.opinion import Opinion
from defectory.detectors.pooling import top_mean
from defectory.domain import Label, Suspect
from defectory.pseudolabels import Contamination


def suspects_of(opinion: Opinion, number: int) -> tuple[Suspect, ...]:
    """Return the suspects of this round, with the votes of each view of them."""
    study = opinion.study
    rows = np.flatnonzero(opinion.is_unlabeled)
    cells = opinion.normality.standardized_cells(study.measured)[:, rows, 0]
    views = {
        "its oddest cells": np.array(
            [top_mean(own, opinion.normality.top_ratio) for own in cells.T], np.float32
        ),
        "the image as a whole": study.measured.image[rows],
    }
    if opinion.found is not None:
        views["what was learned from other images"] = opinion.found.scores[rows]
    deviations = np.stack([robust_deviations(view, view) for view in views.values()])
    scores = opinion.scores[rows]
    overall = robust_deviations(scores, scores)
    weights = weigh(overall, cells.T, study.codes[rows]).image
    return list_suspects(
        study.indices[rows], scores, weights, Views(list(views), deviations), number
    )


def explain(
    codes: NDArray[np.int8], opinion: Opinion, contamination: Contamination | None, n_suspects: int,
    verdicts: Sequence[Verdict],
) -> tuple[str, ...]:  # fmt: skip
    """Return what there was and what was done with it, in at most four lines.

    Parameters
    ----------
    codes : of Label, of all images that were given, studied or not
    """
    n = {code: int((codes == code).sum()) for code in Label}
    n_masks = int(opinion.study.has_mask.sum())
    lines = [
        f"evidence: {n[Label.NORMAL]} images labeled normal, {n[Label.ANOMALOUS]} labeled defective "
        f"({n_masks} with a mask), {n[Label.UNLABELED]} unlabeled",
    ]
    if contamination is not None:
        lines.append(f"unlabeled images: {contamination.explain()}")
        if n_suspects:
            lines[-1] += f"; {n_suspects} have little say"
    if opinion.found is None:
        lines.append("scores: by what is normal alone")
    else:
        lines.append(
            f"scores: by what is normal, and {opinion.weight:.1f} times a classifier of cells"
        )
    if verdicts:
        lines.append("guard: " + "; ".join(verdict.explain() for verdict in verdicts))
    return tuple(lines)
