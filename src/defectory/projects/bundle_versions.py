"""Bundle versions of a review: files that never change, and what became of each."""

import sqlite3
from dataclasses import dataclass

from defectory.domain import DataError

_COLUMNS = (
    "version, file, state, made_at, parent, scores_of, threshold, accept_threshold, false_reject_rate,"
    " promise, detector, n_labels, note, proposal"
)


@dataclass(frozen=True)
class VersionRow:
    """A bundle of the review.

    Attributes
    ----------
    version : from 1 on; the first is a copy of the user's
    file : below the project's folder
    state : preparing (being made), proposed (waits for an answer), current, past (was current), rejected, or
        failed (its making was interrupted)
    made_at : ISO 8601 in UTC
    parent : the version that it came from
    scores_of : the version whose scores and maps are its own: another one's where only the promise differs
    threshold : of image scores; infinite where there is none
    accept_threshold : below it an image is accepted; None where every image not rejected is
    false_reject_rate, promise : what the threshold keeps, the rate and its basis (once a sentence)
    detector : its name
    n_labels : of this review that it has learned
    note : why it was rejected or failed, in a word (once a sentence)
    proposal : JSON of what a person was told before the answer, or None
    """

    version: int
    file: str
    state: str
    made_at: str
    parent: int | None
    scores_of: int
    threshold: float
    accept_threshold: float | None
    false_reject_rate: float
    promise: str
    detector: str
    n_labels: int = 0
    note: str = ""
    proposal: str | None = None

    def outcome(self, score: float) -> str:
        """Return what becomes of an image: accepted, review, rejected."""
        if score > self.threshold:
            return "rejected"
        is_clear = self.accept_threshold is None or score < self.accept_threshold
        return "accepted" if is_clear else "review"


def add_version(connection: sqlite3.Connection, row: VersionRow) -> None:
    """Keep a new version."""
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    connection.execute(
        f"INSERT INTO versions ({_COLUMNS}) VALUES ({marks})", tuple(vars(row).values())
    )


def next_version(connection: sqlite3.Connection) -> int:
    """Return the number that the next version gets; none is given twice."""
    found = connection.execute("SELECT coalesce(max(version), 0) + 1 FROM versions")
    return int(found.fetchone()[0])


def read_versions(connection: sqlite3.Connection) -> list[VersionRow]:
    """Return all versions, the oldest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM versions ORDER BY version")
    return [VersionRow(*row) for row in rows]


def read_version(connection: sqlite3.Connection, version: int) -> VersionRow:
    """Return one version; DataError where there is none."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM versions WHERE version = ?", (version,))
    for row in rows:
        return VersionRow(*row)
    raise DataError(f"there is no bundle version {version} in this review")


def current_version(connection: sqlite3.Connection) -> VersionRow:
    """Return the version that decides now; DataError where the review was not made to its end."""
    found = _in_state(connection, "current")
    if found is None:
        raise DataError("this review was never begun; make it anew with  defectory review")
    return found


def proposed_version(connection: sqlite3.Connection) -> VersionRow | None:
    """Return the version that waits for an answer, or None."""
    return _in_state(connection, "proposed")


def set_state(
    connection: sqlite3.Connection, version: int, state: str, *, note: str | None = None
) -> None:
    """Say what became of a version; a note replaces the one before."""
    connection.execute(
        "UPDATE versions SET state = ?, note = coalesce(?, note) WHERE version = ?",
        (state, note, version),
    )


def set_proposal(connection: sqlite3.Connection, version: int, proposal: str) -> None:
    """Keep what a person is told before a version may decide."""
    connection.execute("UPDATE versions SET proposal = ? WHERE version = ?", (proposal, version))


def make_current(connection: sqlite3.Connection, version: int) -> None:
    """Let a version decide from now on; the one that did is past."""
    connection.execute("UPDATE versions SET state = 'past' WHERE state = 'current'")
    set_state(connection, version, "current")


def fail_unfinished(connection: sqlite3.Connection) -> list[str]:
    """Return the files of versions whose making was interrupted, and say so of them."""
    files = connection.execute("SELECT file FROM versions WHERE state = 'preparing'").fetchall()
    connection.execute(
        "UPDATE versions SET state = 'failed', note = 'interrupted' WHERE state = 'preparing'"
    )
    return [row[0] for row in files]


def add_learned(
    connection: sqlite3.Connection, version: int, parent: int | None, answers: dict[int, int]
) -> None:
    """Keep what a version has learned: all that its parent has, and image -> answer."""
    if parent is not None:
        connection.execute(
            "INSERT INTO learned SELECT ?, image, answer FROM learned WHERE version = ?",
            (version, parent),
        )
    rows = [(version, image, answer) for image, answer in answers.items()]
    connection.executemany("INSERT OR REPLACE INTO learned VALUES (?, ?, ?)", rows)


def read_learned(connection: sqlite3.Connection, version: int) -> dict[int, int]:
    """Return image -> the answer on it that a version has learned."""
    rows = connection.execute("SELECT image, answer FROM learned WHERE version = ?", (version,))
    return {row[0]: row[1] for row in rows}


def _in_state(connection: sqlite3.Connection, state: str) -> VersionRow | None:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM versions WHERE state = ?", (state,))
    for row in rows:
        return VersionRow(*row)
    return None
