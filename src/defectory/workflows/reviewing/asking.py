"""Which images of a review to ask about next, and what the answers say so far."""

import sqlite3
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from defectory.domain import CONTENT_DIGITS, Label, ParameterError
from defectory.domain.scores import finite_or_none
from defectory.labeling.candidates import Candidates, spread_labels
from defectory.labeling.queue import DEFAULT_MIX, make_queue
from defectory.labeling.queue import STRATEGIES as ALL_STRATEGIES
from defectory.labeling.random_part import find_random_part
from defectory.labeling.running_estimates import ShareEstimate, estimate_running
from defectory.labeling.stopping import FEWEST_ANSWERS, Gain, expected_gain, threshold_spread
from defectory.projects import ImageRow
from defectory.projects.answers import DATA, labeling_answer
from defectory.projects.scores import read_scores
from defectory.workflows.reviewing.candidates import holders_among, suspicions_of
from defectory.workflows.reviewing.facts import (
    CurrentBundle,
    ExpectedGain,
    Interval,
    Overview,
    PromiseFacts,
    QueuedImage,
    Running,
)
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.queue import MIX
from defectory.workflows.reviewing.state import ReviewState, read_state

STRATEGIES = tuple(name for name in ALL_STRATEGIES if name != "disagreement")
"""What a review asks by; it keeps no score of an image by a model that knows it beside one that does not."""

_SEED = 0  # a review keeps to one order of what is asked at random


def queue_of(review: OpenReview, n: int, strategy: str) -> list[QueuedImage]:
    """Return images to ask about next; see `ReviewProject.queue`."""
    if strategy != MIX and strategy not in STRATEGIES:
        raise ParameterError(
            f"no strategy is named {strategy!r}; there are {', '.join((MIX, *STRATEGIES))}"
        )
    state = read_state(review)
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
            label=None,
            etag=state.last(state.images[entry.index].id).etag,
        )
        for entry in asked
    ]


def overview_of(review: OpenReview, name: str) -> Overview:
    """Return how far a review is; see `Overview`."""
    state = read_state(review)
    values = Counter(answer.value for answer in state.answers.values())
    types = Counter(a.defect_type for a in state.answers.values() if a.value and a.defect_type)
    current = state.current
    return Overview(
        id=review.id,
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
            threshold=finite_or_none(current.threshold),
            promised=review.once(
                "promised",
                current.version,
                lambda: PromiseFacts.of(review.model_of(current).threshold),
            ),
            date=current.made_at,
        ),
        running=_running(state),
        gain=_gain(review, state),
        proposal=state.has_proposal or review.early_proposal is not None,
        strategies=STRATEGIES,
    )


def _candidates(review: OpenReview, state: ReviewState) -> Candidates:
    model = review.model_of(state.current)
    contents = [image.content[:CONTENT_DIGITS] for image in state.images]
    return Candidates(
        scores=state.scores,
        threshold=state.current.threshold,
        codes=state.codes,
        embeddings=review.embeddings(len(state.images)),
        groups=state.alike,
        suspicions=suspicions_of(model, contents),
        holders=holders_among(model, contents),
    )


def random_part_of(state: ReviewState) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return (n,) codes, copies sharing a label, and (n,) bool, labeled images that are a random sample."""
    codes = spread_labels(state.codes, state.alike)
    return codes, find_random_part(codes, is_passed=state.is_passed, seed=_SEED)


def tell_choices_apart(
    connection: sqlite3.Connection, state: ReviewState
) -> tuple[frozenset[str], frozenset[str]]:
    """Return contents of labeled images: chosen for their scores, and drawn at random, whoever asked first.

    What the data themselves say was neither.
    """

    def is_of_data(image: ImageRow) -> bool:
        # the last answer may be a mask, which a person drew on what the data label
        return labeling_answer(connection, state.last(image.id)).who == DATA

    _, is_random = random_part_of(state)
    chosen, drawn = set(), set()
    for image, code, is_drawn in zip(state.images, state.codes, is_random, strict=True):
        if is_drawn:
            drawn.add(image.content[:CONTENT_DIGITS])
        elif code != Label.UNLABELED and not is_of_data(image):
            chosen.add(image.content[:CONTENT_DIGITS])
    return frozenset(chosen - drawn), frozenset(drawn)


def _running(state: ReviewState) -> Running | None:
    codes, is_random = random_part_of(state)
    if not is_random.any() or not np.isfinite(state.current.threshold):
        return None
    found = estimate_running(state.scores, state.current.threshold, codes, is_random)
    return Running(
        n_random=found.n_random,
        defect_ratio=_interval(found.defect_ratio),
        recall=_interval(found.recall),
        precision=_interval(found.precision),
    )


def _interval(estimate: ShareEstimate | None) -> Interval | None:
    return None if estimate is None else Interval(estimate.value, estimate.lower, estimate.upper)


def _gain(review: OpenReview, state: ReviewState) -> ExpectedGain | None:
    if sum(answer.who != DATA for answer in state.answers.values()) < FEWEST_ANSWERS:
        return None
    current, model = state.current, review.model_of(state.current)
    spread = review.once(
        "spread", current.version, lambda: threshold_spread(model.good_scores, model.threshold)
    )
    flipped, n_last = _last_update(review, state)
    found: Gain | None = expected_gain(
        state.scores,
        current.threshold,
        spread,
        len(model.good_scores),
        flipped_by_last=flipped,
        n_last=n_last,
    )
    return None if found is None else ExpectedGain(**vars(found))


def _last_update(review: OpenReview, state: ReviewState) -> tuple[float | None, int]:
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
            old = read_scores(connection, before.scores_of)
            new = read_scores(connection, taught.scores_of)
        # images that came later may have been scored by one of the two alone
        is_flipped = (old > before.threshold) != (new > taught.threshold)
        return float(is_flipped[np.isfinite(old) & np.isfinite(new)].mean())

    return review.once("flips", taught.version, count), taught.n_labels - before.n_labels
