"""What a person is told of scored images: how many, which are rejected, and whether they look strange."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import Row

if TYPE_CHECKING:  # loaded only where an alarm is asked for
    from defectory.workflows.alarms import AlarmRecord

N_LISTED = 10
"""So many rejected images are listed."""

_MIN_IMAGES = 8
_STRANGE_RATIO = 0.8


@dataclass(frozen=True)
class RejectedImage:
    """A rejected image: its name in the rows, and its score."""

    name: str
    score: float


@dataclass(frozen=True)
class ScoreSummary:
    """What came of scoring a collection.

    Attributes
    ----------
    n_scored, n_rejected, n_unreadable : images
    table : the file of all rows
    rejected : the worst rejected images, highest score first, at most `N_LISTED`
    threshold : above it an image is rejected
    n_beyond : images with a higher score than any good image of the fit had
    has_heatmaps : whether heatmaps were drawn
    notes : what was assumed of the images, and whether they look strange
    alarm : that saw the scores, None where none was asked for
    """

    n_scored: int
    n_rejected: int
    n_unreadable: int
    table: Path
    rejected: tuple[RejectedImage, ...]
    threshold: float
    n_beyond: int
    has_heatmaps: bool
    notes: tuple[str, ...] = ()
    alarm: "AlarmRecord | None" = None


def worst_first(rows: Iterable[Row]) -> list[int]:
    """Return places of rows, the highest score first, unreadable images last."""
    scores = [row["score"] for row in rows]
    return sorted(
        range(len(scores)),
        key=lambda i: (scores[i] is None, -scores[i] if scores[i] is not None else 0),
    )


def summarize(
    rows: Iterable[Row],
    model: CalibratedDetector,
    table: Path,
    notes: tuple[str, ...] = (),
    *,
    has_heatmaps: bool,
) -> ScoreSummary:
    """Return the summary of rows that come highest score first.

    Parameters
    ----------
    model : that scored them; its left-out scores of good images say what is beyond all of the fit
    """
    highest = highest_good_score(model)
    n_scored = n_unreadable = n_rejected = n_beyond = 0
    rejected: list[RejectedImage] = []
    for row in rows:
        if row["score"] is None:
            n_unreadable += 1
            continue
        n_scored += 1
        n_beyond += row["score"] > highest
        n_rejected += row["is_anomalous"]
        if row["is_anomalous"] and len(rejected) < N_LISTED:
            rejected.append(RejectedImage(row["image"], row["score"]))
    return ScoreSummary(
        n_scored=n_scored,
        n_rejected=n_rejected,
        n_unreadable=n_unreadable,
        table=table,
        rejected=tuple(rejected),
        threshold=model.threshold.value,
        n_beyond=n_beyond,
        has_heatmaps=has_heatmaps,
        notes=(*note_strange(n_beyond, n_scored), *notes),
    )


def highest_good_score(model: CalibratedDetector) -> float:
    """Return the highest left-out score of a good image of the fit; infinite where there was none."""
    fitted = np.asarray(model.bundle.calibration.scores)
    return float(fitted.max()) if len(fitted) else np.inf


def note_strange(n_beyond: int, n_scored: int) -> tuple[str, ...]:
    """Return what to say where so many images lie beyond all of the fit that they may show something else."""
    if n_scored < _MIN_IMAGES or n_beyond < _STRANGE_RATIO * n_scored:
        return ()
    return (
        f"{n_beyond} of {n_scored} images score above all images of the fit that may be good: "
        "are they defective, or is it another product, camera or light?",
    )


def note_strange_scores(scores: Iterable[float], model: CalibratedDetector) -> tuple[str, ...]:
    """Return the same of the scores that a model gave."""
    highest = highest_good_score(model)
    beyond = [score > highest for score in scores]
    return note_strange(sum(beyond), len(beyond))
