"""What a review's database says at one moment, kept in memory until something in it changes."""

import sqlite3
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.projects import Answer, VersionRow, last_answers
from defectory.projects.answers import new_answers, no_answer
from defectory.projects.bundle_versions import (
    current_version,
    proposed_version,
    read_versions,
)
from defectory.projects.facts import COMPLETE, read_fact
from defectory.projects.images import ImageRow, read_alike, read_image_rows
from defectory.projects.scores import count_scored, read_scores
from defectory.workflows.reviewing.open_review import OpenReview

_CODES = {"good": Label.NORMAL, "defective": Label.ANOMALOUS}
_PASSED = ("unsure", "skipped")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReviewState:
    """A review at one moment; arrays are in the order of the images' numbers.

    Attributes
    ----------
    current : the bundle version that decides
    versions : all of them
    images, answers : the images, and image -> the last answer on it
    scores : (n,) float64, raw, by the current version; see `score_version`
    alike : (n,) int64, of one number are copies; None where nobody has looked
    n_scored, n_new : images that the current version has scored; labels that it has not learned
    has_proposal : whether a taught bundle waits for an answer
    """

    current: VersionRow
    versions: list[VersionRow]
    images: list[ImageRow]
    answers: dict[int, Answer]
    scores: Floats
    alike: NDArray[np.int64] | None
    n_scored: int
    n_new: int
    has_proposal: bool

    def last(self, image: int) -> Answer:
        """Return the last answer on an image; one without a label where there is none."""
        return self.answers.get(image) or no_answer(image)

    @cached_property
    def values(self) -> list[str | None]:
        """Of each image: its label, None where it has none."""
        return [self.last(image.id).value for image in self.images]

    @cached_property
    def codes(self) -> NDArray[np.int8]:
        """(n,) int8 of Label."""
        return np.array([_CODES.get(v or "", Label.UNLABELED) for v in self.values], np.int8)

    @cached_property
    def is_passed(self) -> NDArray[np.bool_]:
        """(n,) bool, images that somebody skipped or was not sure of."""
        return np.array([value in _PASSED for value in self.values], bool)

    @cached_property
    def places(self) -> dict[int, int]:
        """Number of an image -> its place."""
        return {image.id: i for i, image in enumerate(self.images)}


def read_state(review: OpenReview) -> ReviewState:
    """Return what the database says now."""
    with review.store.reading() as connection:
        stamp = _stamp(connection)
        kept = review.state
        if kept is not None and kept[0] == stamp:
            return kept[1]  # type: ignore[return-value]
        current = current_version(connection)
        images = read_image_rows(connection)
        scores = read_scores(connection, current.scores_of)
        if np.isnan(scores).any():  # cannot be, but a page must not fail for it
            scores = np.nan_to_num(scores, nan=float(np.nanmin(scores)))
        state = ReviewState(
            current=current,
            versions=read_versions(connection),
            images=images,
            answers=last_answers(connection),
            scores=scores,
            alike=read_alike(connection),
            n_scored=count_scored(connection, current.scores_of),
            n_new=len(new_answers(connection, current.version)),
            has_proposal=proposed_version(connection) is not None,
        )
    review.state = stamp, state
    return state


def _stamp(connection: sqlite3.Connection) -> tuple[object, ...]:
    """Return what differs whenever anything that a state tells has changed."""
    answers = connection.execute("SELECT max(id) FROM answers").fetchone()
    versions = connection.execute("SELECT version, state FROM versions ORDER BY version").fetchall()
    # another process may add images, and knows their copies and all their scores at the end
    images = connection.execute("SELECT max(id) FROM images").fetchone()
    return (*answers, *images, read_fact(connection, COMPLETE), *map(tuple, versions))
