"""Which images of a review to ask about next, and what the answers say so far."""

import sqlite3
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.domain import CONTENT_DIGITS, Label, ParameterError
from defectory.labeling.candidates import Candidates, spread_labels
from defectory.labeling.queue import DEFAULT_MIX, STRATEGIES, make_queue
from defectory.labeling.random_part import find_random_part
from defectory.labeling.running_estimates import ShareEstimate, estimate_running
from defectory.labeling.stopping import Gain, expected_gain, threshold_spread
from defectory.projects import Answer, VersionRow, last_answers
from defectory.projects.answers import new_answers
from defectory.projects.bundle_versions import (
    current_version,
    proposed_version,
    read_learned,
    read_version,
    read_versions,
)
from defectory.projects.images import ImageRow, read_alike, read_image_rows
from defectory.projects.scores import count_scored, read_scores
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.facts import (
    CurrentBundle,
    ExpectedGain,
    Interval,
    Overview,
    QueuedImage,
    Running,
    finite,
)
from defectory.workflows.reviewing.open_review import OpenReview

MIX = "mix"
"""The strategy that is several, each with its share."""

_SEED = 0  # a review keeps to one order of what is asked at random
_CODES = {"good": Label.NORMAL, "defective": Label.ANOMALOUS}
_PASSED = ("unsure", "skipped")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _State:
    """What the database says at one moment; arrays are in the order of the images' numbers."""

    current: VersionRow
    versions: list[VersionRow]
    images: list[ImageRow]
    answers: dict[int, Answer]
    scores: Floats
    fair_scores: Floats
    alike: NDArray[np.int64] | None
    n_scored: int
    n_new: int
    has_proposal: bool

    @property
    def codes(self) -> NDArray[np.int8]:
        """(n,) int8 of Label."""
        values = [self.answers[i.id].value if i.id in self.answers else None for i in self.images]
        return np.array([_CODES.get(v or "", Label.UNLABELED) for v in values], np.int8)

    @property
    def is_passed(self) -> NDArray[np.bool_]:
        """(n,) bool, images that somebody skipped or was not sure of."""
        return np.array(
            [i.id in self.answers and self.answers[i.id].value in _PASSED for i in self.images],
            bool,
        )


def queue_of(review: OpenReview, n: int, strategy: str) -> list[QueuedImage]:
    """Return images to ask about next; see `ReviewProject.queue`."""
    if strategy != MIX and strategy not in STRATEGIES:
        raise ParameterError(
            f"no strategy is named {strategy!r}; there are {', '.join((MIX, *STRATEGIES))}"
        )
    state = _read(review)
    passed = state.is_passed
    mix = DEFAULT_MIX if strategy == MIX else {strategy: 1.0}
    # What was skipped is not asked again, but stays in its place in the random order.
    entries = make_queue(_candidates(review, state), n + int(passed.sum()), mix=mix, seed=_SEED)
    asked = [entry for entry in entries if not passed[entry.index]][:n]
    return [
        QueuedImage(
            id=state.images[entry.index].id,
            name=state.images[entry.index].name,
            score=float(state.scores[entry.index]),
            decision=state.current.outcome(float(state.scores[entry.index])),
            strategy=entry.strategy,
            reason=entry.reason,
            label=None,
            etag=_etag(state, state.images[entry.index].id),
        )
        for entry in asked
    ]


def overview_of(review: OpenReview, name: str) -> Overview:
    """Return how far a review is; see `Overview`."""
    state = _read(review)
    values = Counter(answer.value for answer in state.answers.values())
    types = Counter(a.defect_type for a in state.answers.values() if a.value and a.defect_type)
    current = state.current
    return Overview(
        name=name,
        n_images=len(state.images),
        n_scored=state.n_scored,
        n_labeled=values["good"] + values["defective"] + values["unsure"],
        n_good=values["good"],
        n_defective=values["defective"],
        n_unsure=values["unsure"],
        n_new_labels=state.n_new,
        defect_types=tuple(kind for kind, _ in types.most_common()),
        bundle=CurrentBundle(
            version=current.version,
            detector=current.detector,
            threshold=finite(current.threshold),
            promise=current.promise,
            false_reject_rate=current.false_reject_rate,
            date=current.made_at,
        ),
        running=_running(state),
        gain=_gain(review, state),
        proposal=state.has_proposal,
        strategies=STRATEGIES,
    )


def _read(review: OpenReview) -> _State:
    with review.store.reading() as connection:
        current = current_version(connection)
        images = read_image_rows(connection)
        scores = read_scores(connection, current.scores_of)
        if np.isnan(scores).any():  # cannot be, but a page must not fail for it
            scores = np.nan_to_num(scores, nan=float(np.nanmin(scores)))
        return _State(
            current=current,
            versions=read_versions(connection),
            images=images,
            answers=last_answers(connection),
            scores=scores,
            fair_scores=_fair_scores(review, connection, current, images, scores),
            alike=read_alike(connection),
            n_scored=count_scored(connection, current.scores_of),
            n_new=len(new_answers(connection, current.version)),
            has_proposal=proposed_version(connection) is not None,
        )


def _fair_scores(
    review: OpenReview,
    connection: sqlite3.Connection,
    current: VersionRow,
    images: list[ImageRow],
    scores: Floats,
) -> Floats:
    """Return (n,) scores by models that have not learned from the image, where such are known.

    Of images that the detector held out, these; of others that were taught here, the score by the last
    version that had not learned from it, moved so that it is to the present threshold as it was to that of
    its time.
    """
    fair = scores.copy()
    model = review.model_of(current)
    version, learned = current, read_learned(connection, current.version)
    while version.parent is not None and np.isfinite(current.threshold):
        version = read_version(connection, version.parent)
        before = read_learned(connection, version.version)
        taught = np.array([i.id in learned and i.id not in before for i in images], bool)
        if taught.any() and np.isfinite(version.threshold):
            moved = read_scores(connection, version.scores_of) - version.threshold
            known = taught & np.isfinite(moved)
            fair[known] = moved[known] + current.threshold
        learned = before
    left_out = review.once("left out", current.version, lambda: _left_out(model))
    for i, image in enumerate(images):
        fair[i] = left_out.get(image.content[:CONTENT_DIGITS], fair[i])
    return fair


def _left_out(model: CalibratedDetector) -> dict[str, float]:
    calibration = model.bundle.calibration
    return dict(zip(calibration.contents, calibration.scores.tolist(), strict=True))


def _candidates(review: OpenReview, state: _State) -> Candidates:
    model = review.model_of(state.current)
    holders = review.once("holders", state.current.version, lambda: model.holders)
    contents = [image.content[:CONTENT_DIGITS] for image in state.images]
    place = {content: i for i, content in reversed(list(enumerate(contents)))}
    suspicion = {item.content: 1 - item.weight for item in model.facts.suspects}
    return Candidates(
        scores=state.fair_scores,
        threshold=state.current.threshold,
        codes=state.codes,
        looks=review.looks,
        groups=state.alike,
        suspicions=np.array([suspicion.get(c, 0.0) for c in contents]) if suspicion else None,
        holders=np.array([place[h.content] for h in holders if h.content in place], np.int64),
    )


def _running(state: _State) -> Running | None:
    codes = spread_labels(state.codes, state.alike)
    is_random = find_random_part(codes, is_passed=state.is_passed, seed=_SEED)
    if not is_random.any() or not np.isfinite(state.current.threshold):
        return None
    found = estimate_running(state.fair_scores, state.current.threshold, codes, is_random)
    return Running(
        n_random=found.n_random,
        defect_ratio=_interval(found.defect_ratio),
        recall=_interval(found.recall),
        precision=_interval(found.precision),
    )


def _interval(estimate: ShareEstimate | None) -> Interval | None:
    return None if estimate is None else Interval(estimate.value, estimate.lower, estimate.upper)


def _gain(review: OpenReview, state: _State) -> ExpectedGain | None:
    current, model = state.current, review.model_of(state.current)
    spread = review.once(
        "spread", current.version, lambda: threshold_spread(model.good_scores, model.threshold)
    )
    flipped, n_last = _last_update(review, state)
    found: Gain | None = expected_gain(
        state.fair_scores,
        current.threshold,
        spread,
        len(model.good_scores),
        flipped_by_last=flipped,
        n_last=n_last,
    )
    return None if found is None else ExpectedGain(**vars(found))


def _last_update(review: OpenReview, state: _State) -> tuple[float | None, int]:
    """Return the share of decisions that the last labels changed, and how many labels these were."""
    rows = {row.version: row for row in state.versions}
    taught = rows[state.current.version]
    while taught.parent is not None and taught.n_labels == rows[taught.parent].n_labels:
        taught = rows[taught.parent]
    if taught.parent is None:
        return None, 0
    before = rows[taught.parent]

    def count() -> float:
        with review.store.reading() as connection:
            old = read_scores(connection, before.scores_of) > before.threshold
            new = read_scores(connection, taught.scores_of) > taught.threshold
        return float((old != new).mean())

    return review.once("flips", taught.version, count), taught.n_labels - before.n_labels


def _etag(state: _State, image: int) -> str:
    return state.answers[image].etag if image in state.answers else "0"
