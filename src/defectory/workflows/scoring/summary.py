"""What a person is told of scored images: how many, which are rejected, and whether they look strange."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import Row

if TYPE_CHECKING:  # loaded only where they are asked for
    from defectory.calibration.gray_zone import GrayZone
    from defectory.workflows.alarms import AlarmRecord
    from defectory.workflows.scoring.discoveries import Discoveries

N_LISTED = 10
"""So many rejected images are listed, and as many that a person is to look at."""

_MIN_IMAGES = 8
_STRANGE_RATIO = 0.8


@dataclass(frozen=True)
class ListedImage:
    """An image that is not accepted: its name in the rows, and its score."""

    name: str
    score: float


@dataclass(frozen=True)
class ScoreSummary:
    """What came of scoring a collection.

    Attributes
    ----------
    n_scored, n_rejected, n_review, n_unreadable : images; n_review: that a person is to look at
    table : the file of all rows
    rejected, review : the worst of them, highest score first, at most `N_LISTED` of each
    threshold : above it an image is rejected
    n_beyond : images with a higher score than any good image of the fit had
    has_heatmaps : whether heatmaps were drawn
    notes : what was assumed of the images, and whether they look strange
    gray_zone : what is for a person, None where no miss rate is promised
    discoveries, alarm : None where they were not asked for
    provider : that networks ran on
    """

    n_scored: int
    n_rejected: int
    n_review: int
    n_unreadable: int
    table: Path
    rejected: tuple[ListedImage, ...]
    review: tuple[ListedImage, ...]
    threshold: float
    n_beyond: int
    has_heatmaps: bool
    notes: tuple[str, ...] = ()
    gray_zone: "GrayZone | None" = None
    discoveries: "Discoveries | None" = None
    alarm: "AlarmRecord | None" = None
    provider: str = "cpu"


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
    counts: Counter[str] = Counter()
    listed: dict[str, list[ListedImage]] = {"rejected": [], "review": []}
    n_beyond = 0
    for row in rows:
        if row["score"] is None:
            counts["unreadable"] += 1
            continue
        n_beyond += row["score"] > highest
        outcome = outcome_of(row)
        counts[outcome] += 1
        if outcome in listed and len(listed[outcome]) < N_LISTED:
            listed[outcome].append(ListedImage(row["image"], row["score"]))
    n_scored = counts.total() - counts["unreadable"]
    return ScoreSummary(
        n_scored=n_scored,
        n_rejected=counts["rejected"],
        n_review=counts["review"],
        n_unreadable=counts["unreadable"],
        table=table,
        rejected=tuple(listed["rejected"]),
        review=tuple(listed["review"]),
        threshold=model.threshold.value,
        n_beyond=n_beyond,
        has_heatmaps=has_heatmaps,
        notes=(*note_strange(n_beyond, n_scored), *notes),
        gray_zone=model.gray_zone,
    )


def outcome_of(row: Row) -> str:
    """Return rejected, review or accepted of a row that has a score."""
    return "rejected" if row["is_anomalous"] else str(row.get("outcome", "accepted"))


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
