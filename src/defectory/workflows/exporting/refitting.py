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
    groups: NDArray[np.int64] | None = None,
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
    groups : (n,) numbers of groups, below 0 for none, or None; they count for images that the fit has not
        seen

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
    taken, has_peaks = known.take(np.array(rows, np.intp)), len(known.peaks) > 0
    shifts, found = np.reshape(moved, (-1, 2)), np.reshape(new, (-1, 2))
    held_out = HeldOutScores.of(
        taken.scores + shifts[:, 0],
        taken.peaks + shifts[:, 1] if has_peaks else (),
        is_confirmed=taken.is_confirmed,
        groups=taken.groups,
        contents=taken.contents,
    )
    unseen = HeldOutScores.of(
        found[:, 0],
        found[:, 1] if has_peaks else (),
        groups=own_groups(len(fresh), None if groups is None else groups[fresh]),
        contents=[contents[i] for i in fresh],
    )
    note = (
        f"the threshold was fitted again on {len(rows)} of {len(known)} held-out images of the fit and "
        f"{len(fresh)} new ones, as int8 scores them"
    )
    calibration = held_out.join(unseen)
    return CalibratedDetector(replace(model.bundle, calibration=calibration)), note


def _measured(graph: Graph, image: NDArray[np.uint8]) -> Floats:
    """Return the score of an image and the highest value of its map."""
    score, heat = graph.run(image)
    return np.array([score, 0.0 if heat is None else float(heat.max())])
