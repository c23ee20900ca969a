"""Images of a review: those that a filter finds, and all that is known of one."""

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label, ParameterError
from defectory.projects import Answer, VersionRow
from defectory.projects.answers import answers_of, disagreeing, labeling_answer, no_answer
from defectory.projects.bundle_versions import current_version
from defectory.projects.images import ImageRow, read_image_row
from defectory.projects.scores import read_score
from defectory.workflows.decisions import find_regions
from defectory.workflows.reviewing.answering import label_of
from defectory.workflows.reviewing.facts import (
    Alike,
    Found,
    HistoryEntry,
    ImageFacts,
    ListedImage,
    RegionFacts,
)
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.scoring import map_of
from defectory.workflows.reviewing.state import read_state

FILTERS = (
    "all", "unlabeled", "good", "defective", "unsure", "rejected", "accepted", "wrong", "disagreed",
    "unlabeled-rejected", "unlabeled-accepted",
)  # fmt: skip
"""What `find` may look for."""

SORTS = {
    "-score": "score DESC, images.id",
    "score": "score, images.id",
    "name": "name, images.id",
    "when": "answer DESC, images.id",
}
"""Orders of `find`; "-score" has the highest score first, "when" the last answered."""

_MOST_LISTED = 1000
_N_ALIKE = 3
_ACCEPTED = "score <= :threshold AND (:accept IS NULL OR score < :accept)"
_WHERE = {
    "all": "1",
    "unlabeled": "value IS NULL",
    "good": "value = 'good'",
    "defective": "value = 'defective'",
    "unsure": "value IN ('unsure', 'skipped')",
    "rejected": "score > :threshold",
    "accepted": _ACCEPTED,
    "unlabeled-rejected": "value IS NULL AND score > :threshold",
    "unlabeled-accepted": f"value IS NULL AND {_ACCEPTED}",
    "wrong": "(value = 'good' AND score > :threshold) OR (value = 'defective' AND score <= :threshold)",
}


def find_images(
    review: OpenReview, which: str, search: str, sort: str, offset: int, limit: int
) -> Found:
    """Return some of the images that a filter finds; see `ReviewProject.find`."""
    if which not in FILTERS or sort not in SORTS:
        raise ParameterError(
            f"filter is one of {', '.join(FILTERS)}; sort is one of {', '.join(SORTS)}"
        )
    if offset < 0 or not 0 <= limit <= _MOST_LISTED:
        raise ParameterError(f"offset is 0 or more, limit from 0 to {_MOST_LISTED}")
    with review.store.reading() as connection:
        current = current_version(connection)
        if which == "disagreed":
            numbers = ", ".join(map(str, disagreeing(connection)))
            where = f"images.id IN ({numbers})"
        else:
            where = _WHERE[which]
        values = {
            "version": current.scores_of,
            "threshold": current.threshold,
            "accept": current.accept_threshold,
            "search": search.casefold(),
            "offset": offset,
            "limit": limit,
        }
        # names are compared here, as SQLite folds the case of A to Z only
        connection.create_function("holds", 1, lambda name: values["search"] in name.casefold())
        if search:
            where = f"({where}) AND holds(name)"
        of = (
            "FROM images JOIN scores ON scores.image = images.id AND scores.version = :version"
            f" LEFT JOIN last_answers ON last_answers.image = images.id WHERE {where}"
        )
        total = connection.execute(f"SELECT count(*) {of}", values).fetchone()[0]
        rows = connection.execute(
            "SELECT images.id AS id, name, score, value, defect_type, last_answers.id AS answer"
            f" {of} ORDER BY {SORTS[sort]} LIMIT :limit OFFSET :offset",
            values,
        ).fetchall()
    return Found(int(total), tuple(_listed(row, current) for row in rows))


def _listed(row: sqlite3.Row, current: VersionRow) -> ListedImage:
    return ListedImage(
        id=row["id"],
        name=row["name"],
        score=row["score"],
        decision=current.outcome(row["score"]),
        label=row["value"],
        defect_type=row["defect_type"] or "",
        etag=str(row["answer"] or 0),
    )


def image_facts(review: OpenReview, image_id: int) -> ImageFacts:
    """Return all that is known of an image; see `ReviewProject.image`."""
    with review.store.reading() as connection:
        image = read_image_row(connection, image_id)
        current = current_version(connection)
        score = read_score(connection, current.scores_of, image_id)
        answers = answers_of(connection, image_id)
        last = answers[-1] if answers else no_answer(image_id)
        label = label_of(labeling_answer(connection, last))
    model, decision = review.model_of(current), current.outcome(score)
    regions: tuple[RegionFacts, ...] = ()
    heat = None if decision == "accepted" else map_of(review, current, image)
    if heat is not None:
        found = find_regions(heat, (image.height, image.width), model.pixel_threshold)
        regions = tuple(
            RegionFacts((r.x_px, r.y_px, r.x_px + r.width_px, r.y_px + r.height_px), r.peak_score)
            for r in found
        )
    return ImageFacts(
        id=image.id,
        name=image.name,
        width=image.width,
        height=image.height,
        content=image.content,
        score=score,
        decision=decision,
        p_value=float(model.p_values.of(score)),
        regions=regions,
        label=label,
        etag=last.etag,
        has_mask=last.mask is not None,
        history=tuple(_history_entry(answer) for answer in answers),
        alike=_alike(review, image),
    )


def _history_entry(answer: Answer) -> HistoryEntry:
    return HistoryEntry(
        value=answer.value,
        defect_type=answer.defect_type,
        who=answer.who,
        when=answer.at,
        seconds=answer.seconds,
        strategy=answer.strategy,
        what=answer.what,
    )


def _alike(review: OpenReview, image: ImageRow) -> Alike:
    """Return the most alike of each kind; low scores stand in where few are confirmed good."""
    state = read_state(review)
    embeddings = review.embeddings(len(state.images))
    likeness = embeddings @ embeddings[state.places[image.id]]
    # a copy of the image itself tells nothing about it
    is_other = np.array([other.content != image.content for other in state.images])
    ids = [other.id for other in state.images]
    good = _nearest(ids, likeness, (state.codes == Label.NORMAL) & is_other)
    is_open = np.array([value is None for value in state.values])
    is_low = (state.scores <= np.median(state.scores)) & is_open & is_other
    unconfirmed = _nearest(ids, likeness, is_low)[: _N_ALIKE - len(good)]
    defective = _nearest(ids, likeness, (state.codes == Label.ANOMALOUS) & is_other)
    return Alike(good, unconfirmed, defective)


def _nearest(
    ids: Sequence[int], likeness: NDArray[np.float32], among: NDArray[np.bool_]
) -> tuple[int, ...]:
    places = np.flatnonzero(among)
    best = places[np.argsort(-likeness[places], kind="stable")][:_N_ALIKE]
    return tuple(ids[i] for i in best.tolist())
