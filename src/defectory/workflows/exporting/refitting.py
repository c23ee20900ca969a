"""A threshold fitted again for a graph in 8-bit numbers, so that the promise holds where that graph runs."""

from collections.abc import Container
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from defectory.domain import (
    CONTENT_DIGITS,
    ExportError,
    HeldOutScores,
    ImageSource,
    Progress,
    own_groups,
)
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.exporting.runtimes import Graph

Floats = NDArray[np.float64]


def refitted(
    model: CalibratedDetector,
    images: ImageSource,
    exact: Graph,
    reduced: Graph,
    progress: Progress,
) -> tuple[CalibratedDetector, str]:
    """Return the model with held-out scores as the reduced graph gives them, and what they rest on.

    An image that the fit held out: its left-out score, moved by what the reduced graph scores it higher or
    lower than the exact one. An image that the fit has not seen: its score by the reduced graph.
    Of others, which were learned from, nothing is known.

    Parameters
    ----------
    model : stays as it is
    images : n good ones, no two of one content
    exact, reduced : the model's graphs, on the runtime that is exported for

    Raises
    ------
    ExportError : no image is of use, or a runtime fails.
    """
    known = model.bundle.calibration
    row_of = {content: row for row, content in enumerate(known.contents)}
    learned: Container[str] = frozenset(model.facts.data.image_hashes)
    rows: list[int] = []
    fresh: list[int] = []
    moved, new = [], []
    contents = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images))]
    progress.start("scoring good images by both graphs", len(images))
    for i, content in enumerate(contents):
        progress.advance()
        if content in row_of:
            image = images.read([i])[0]
            rows.append(row_of[content])
            moved.append(_measured(reduced, image) - _measured(exact, image))
        elif content not in learned:
            fresh.append(i)
            new.append(_measured(reduced, images.read([i])[0]))
    if not rows and not fresh:
        raise ExportError(
            "int8: the fit has learned from all of these images and held none out, so that no threshold can "
            "be fitted on them; give good images that it has not seen"
        )
    taken = known.take(np.array(rows, np.intp))
    scores = _joined(taken.scores, moved, new, 0)
    peaks = _joined(taken.peaks, moved, new, 1) if len(known.peaks) else np.zeros(0)
    groups = own_groups(len(rows), taken.groups) if rows else np.zeros(0, np.int64)
    calibration = HeldOutScores.of(
        scores,
        peaks,
        is_confirmed=np.concatenate([taken.is_confirmed, np.ones(len(fresh), bool)]),
        groups=np.concatenate([groups, np.arange(len(fresh)) + groups.max(initial=-1) + 1]),
        contents=(*taken.contents, *(contents[i] for i in fresh)),
    )
    note = (
        f"the threshold was fitted again on {len(rows)} of {len(known)} held-out images of the fit and "
        f"{len(fresh)} new ones, as int8 scores them"
    )
    return CalibratedDetector(replace(model.bundle, calibration=calibration)), note


def _measured(graph: Graph, image: NDArray[np.uint8]) -> Floats:
    """Return the score of an image and the highest value of its map."""
    score, heat = graph.run(image)
    return np.array([score, 0.0 if heat is None else float(heat.max())])


def _joined(before: NDArray[np.float32], moved: list[Floats], new: list[Floats], of: int) -> Floats:
    shifts = np.array([change[of] for change in moved])
    return np.concatenate([before + shifts, np.array([found[of] for found in new])])
