"""What people answered: rows that are never changed, each the whole state of its image from then on.

The number of an image's last answer names its state. Whoever says which state he has seen cannot write over
another one; and the table itself takes one successor an answer.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from defectory.domain import ParameterError

VALUES = ("good", "defective", "unsure", "skipped")

DATA = "data"
"""Who said what the data themselves say."""

_COLUMNS = "id, image, previous, what, value, defect_type, mask, who, at, seconds, strategy"


@dataclass(frozen=True)
class Answer:
    """What somebody answered, and with it the state of the image.

    Attributes
    ----------
    id : from 1 on, growing; 0 for an image that nobody was asked about
    image : its number
    previous : id of the answer before it on this image, 0 for the first
    what : "label" or "mask": which of the two was answered; the other stays as it was
    value : good, defective, unsure, skipped; None where there is no label
    defect_type : "" where none is named
    mask : hex digits that name its file, or None
    who : a person, or DATA
    at : ISO 8601 in UTC
    seconds : that the answer took
    strategy : by which the image was asked about
    """

    id: int
    image: int
    previous: int
    what: str
    value: str | None
    defect_type: str
    mask: str | None
    who: str
    at: str
    seconds: float
    strategy: str

    @property
    def etag(self) -> str:
        """The name of this state."""
        return str(self.id)


class ChangedMeanwhileError(Exception):
    """The image is not in the state that was expected; `current` is its last answer."""

    def __init__(self, current: Answer) -> None:
        super().__init__(f"image {current.image} is in state {current.etag}")
        self.current = current


def no_answer(image: int) -> Answer:
    """Return the state of an image that nobody was asked about."""
    return Answer(0, image, 0, "label", None, "", None, "", "", 0.0, "")


def append_answer(
    connection: sqlite3.Connection,
    answer: Answer,
    *,
    expected: str | None = None,
    client_id: str = "",
) -> Answer:
    """Return the answer as it is kept; the connection has to be writing.

    Parameters
    ----------
    answer : what is new in it is kept, and numbered; of a mask, value and type are those of before, and of a
        label the mask
    expected : the etag of the state that the caller has seen; None does not ask
    client_id : of this answer, by the one who sends it; what is sent again changes nothing

    Raises
    ------
    ParameterError : the `client_id` is that of an answer on another image.
    ChangedMeanwhileError : the image is in another state than `expected`.
    """
    last = last_answer(connection, answer.image)
    if client_id:
        known = connection.execute("SELECT image FROM answers WHERE client_id = ?", (client_id,))
        for row in known:
            if row[0] != answer.image:
                raise ParameterError(f"the answer {client_id} was given to another image")
            return last
    if expected is not None and expected != last.etag:
        raise ChangedMeanwhileError(last)
    if answer.what == "label":
        answer = replace(answer, mask=last.mask)
    else:
        answer = replace(answer, value=last.value, defect_type=last.defect_type)
    cursor = connection.execute(
        "INSERT INTO answers (image, previous, what, value, defect_type, mask, who, at, seconds, strategy,"
        " client_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            answer.image,
            last.id,
            answer.what,
            answer.value,
            answer.defect_type,
            answer.mask,
            answer.who,
            answer.at,
            answer.seconds,
            answer.strategy,
            client_id or None,
        ),
    )
    return replace(answer, id=int(cursor.lastrowid or 0), previous=last.id)


def last_answer(connection: sqlite3.Connection, image: int) -> Answer:
    """Return the last answer on an image; one without a label where there is none."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM answers WHERE image = ? ORDER BY id DESC LIMIT 1", (image,)
    )
    for row in rows:
        return Answer(*row)
    return no_answer(image)


def labeling_answer(connection: sqlite3.Connection, answer: Answer) -> Answer:
    """Return the answer by which an image got the label that it has in the state of `answer`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM answers WHERE image = ? AND id <= ? AND what = 'label'"
        " ORDER BY id DESC LIMIT 1",
        (answer.image, answer.id),
    )
    for row in rows:
        return Answer(*row)
    return no_answer(answer.image)


def last_answers(connection: sqlite3.Connection) -> dict[int, Answer]:
    """Return image -> its last answer, of all that have one."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM last_answers")
    return {row["image"]: Answer(*row) for row in rows}


def answers_of(connection: sqlite3.Connection, image: int) -> list[Answer]:
    """Return all answers on an image, the oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM answers WHERE image = ? ORDER BY id", (image,)
    )
    return [Answer(*row) for row in rows]


def disagreeing(connection: sqlite3.Connection) -> dict[int, list[Answer]]:
    """Return image -> what each person said last, where one said good and another defective."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM answers WHERE id IN"
        " (SELECT max(id) FROM answers WHERE what = 'label' GROUP BY image, who) AND value IS NOT NULL"
        " ORDER BY image, id"
    )
    said: dict[int, list[Answer]] = {}
    for row in rows:
        said.setdefault(row["image"], []).append(Answer(*row))
    return {
        image: answers
        for image, answers in said.items()
        if {"good", "defective"} <= {answer.value for answer in answers}
    }


def new_answers(connection: sqlite3.Connection, version: int) -> list[Answer]:
    """Return the last answers, good or defective, that a bundle version has not learned, by image.

    An answer that says what was learned already, by somebody else or anew, is not new.
    """
    columns = ", ".join(f"last.{name}" for name in _COLUMNS.split(", "))
    rows = connection.execute(
        f"SELECT {columns} FROM last_answers AS last"
        " LEFT JOIN learned ON learned.image = last.image AND learned.version = ?"
        " LEFT JOIN answers AS taught ON taught.id = learned.answer"
        " WHERE last.value IN ('good', 'defective') AND (taught.id IS NULL OR taught.value <> last.value OR"
        " (last.value = 'defective' AND coalesce(taught.mask, '') <> coalesce(last.mask, '')))"
        " ORDER BY last.image",
        (version,),
    )
    return [Answer(*row) for row in rows]


def now() -> str:
    """Return the present time, ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
