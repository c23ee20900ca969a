"""People answer: labels and masks, on disk before anybody is told so, never over what was not seen."""

import sqlite3
from dataclasses import replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from defectory.domain import MaskError, ParameterError
from defectory.projects import Answer, ChangedMeanwhileError, append_answer, last_answer
from defectory.projects.answers import VALUES, disagreeing, labeling_answer, no_answer, now
from defectory.projects.images import read_image_row
from defectory.projects.mask_files import keep_mask, read_kept_mask
from defectory.workflows.reviewing.facts import (
    ConflictError,
    Disagreement,
    GivenLabel,
    LabelFacts,
    LabelState,
)
from defectory.workflows.reviewing.open_review import OpenReview

_MOST_LETTERS = 200
_MOST_SECONDS = 86_400.0


def give_label(
    review: OpenReview,
    image_id: int,
    value: str | None,
    *,
    who: str,
    seconds: float,
    strategy: str,
    defect_type: str,
    expected: str | None,
    client_id: str,
) -> LabelState:
    """Return the state of an image after a person has labeled it; see `ReviewProject.label`."""
    if value is not None and value not in VALUES:
        raise ParameterError(f"no label is {value!r}; give one of {', '.join(VALUES)}")
    if not isfinite(seconds) or seconds < 0:
        raise ParameterError(f"an answer takes 0 seconds or more, not {seconds}")
    _check_texts(who=who, strategy=strategy, defect_type=defect_type, client_id=client_id)
    answer = replace(
        no_answer(image_id),
        value=value,
        defect_type=defect_type if value == "defective" else "",
        who=who,
        at=now(),
        seconds=min(float(seconds), _MOST_SECONDS),
        strategy=strategy,
    )
    return _append(review, answer, expected, client_id)


def give_mask(
    review: OpenReview,
    image_id: int,
    mask: NDArray[np.bool_] | None,
    *,
    who: str,
    expected: str | None,
    client_id: str,
) -> LabelState:
    """Return the state of an image after a person has drawn on it; see `ReviewProject.set_mask`."""
    _check_texts(who=who, client_id=client_id)
    with review.store.reading() as connection:
        image = read_image_row(connection, image_id)
    if mask is not None and mask.shape != (image.height, image.width):
        shape = " x ".join(map(str, mask.shape[::-1]))
        raise MaskError(
            f"the mask is {shape} px but its image {image.name} is {image.width} x {image.height} px"
        )
    kept = None if mask is None or not mask.any() else keep_mask(review.folder, mask)
    answer = replace(no_answer(image_id), what="mask", mask=kept, who=who, at=now())
    return _append(review, answer, expected, client_id)


def mask_of(review: OpenReview, image_id: int) -> NDArray[np.bool_] | None:
    """Return (h, w) bool, or None where nothing is drawn; MaskError where its file is damaged."""
    with review.store.reading() as connection:
        read_image_row(connection, image_id)
        name = last_answer(connection, image_id).mask
    return None if name is None else read_kept_mask(review.folder, name)


def disagreements(review: OpenReview) -> list[Disagreement]:
    """Return images that one calls good and another defective, with what each said last."""
    with review.store.reading() as connection:
        return [
            Disagreement(
                image,
                read_image_row(connection, image).name,
                tuple(GivenLabel(str(a.value), a.who, a.at) for a in answers),
            )
            for image, answers in disagreeing(connection).items()
        ]


def state_of(connection: sqlite3.Connection, answer: Answer) -> LabelState:
    """Return the state that an answer leaves its image in."""
    label = label_of(labeling_answer(connection, answer))
    return LabelState(label, answer.etag, answer.mask is not None)


def label_of(answer: Answer) -> LabelFacts | None:
    """Return the label that an answer gave, or None where it took it back."""
    if answer.value is None:
        return None
    return LabelFacts(answer.value, answer.defect_type, answer.who, answer.at)


def _append(review: OpenReview, answer: Answer, expected: str | None, client_id: str) -> LabelState:
    try:
        with review.store.writing() as connection:
            read_image_row(connection, answer.image)
            kept = append_answer(connection, answer, expected=expected, client_id=client_id)
            return state_of(connection, kept)
    except ChangedMeanwhileError as error:
        with review.store.reading() as connection:
            raise ConflictError(state_of(connection, error.current)) from error


def _check_texts(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > _MOST_LETTERS:
            raise ParameterError(f"{name} has {len(text)} letters; {_MOST_LETTERS} are the most")
        if not text.isprintable():
            raise ParameterError(f"{name} holds what cannot be printed")
    if not texts["who"].strip():
        raise ParameterError("an answer needs to say who gave it")
