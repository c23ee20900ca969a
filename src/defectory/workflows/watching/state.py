"""What a watch keeps on disk: which images were judged, and what is still to be written and sent of it."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from defectory.domain import DataError, OutputError
from defectory.domain.errors import one_line
from defectory.storage.renames import sync_folder
from defectory.workflows.watching.listing import FileState
from defectory.workflows.watching.tables import DATABASE, make_tables

_BUSY_S = 30.0
_LONGEST_PAUSE_S = 600.0  # of a message that is tried again


@dataclass(frozen=True)
class JudgedFile:
    """A file whose judgment is to be kept.

    Attributes
    ----------
    name, state : see `Arrival`
    sha256 : of what was judged; "" where it could not be read
    line : JSON object, what is said of it; "" where this content was judged before under this name
    """

    name: str
    state: FileState
    sha256: str
    line: str


@dataclass(frozen=True)
class Message:
    """A result that is still to be sent.

    Attributes
    ----------
    number : of the result
    line : JSON object
    n_tries : that failed
    made_s : when it was judged, seconds since 1970
    """

    number: int
    line: str
    n_tries: int
    made_s: float


class WatchState:
    """The database of a watch. Threads may share it; each use is one transaction, all or nothing.

    Raises
    ------
    OutputError : it cannot be used: a full disk, no permission. So does every use.
    DataError : the file is damaged, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE
        self._turn = threading.Lock()
        with self._told():
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._told():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
            with self._transaction() as connection:
                make_tables(connection, self._path)
            sync_folder(folder)
            self.key = self._fact("key")
        except BaseException:
            self._connection.close()
            raise

    def judged(self, names: Iterable[str]) -> dict[str, FileState]:
        """Return name -> state in which it was judged last, of those that were."""
        found = {}
        with self._transaction() as connection:
            for name in names:
                row = connection.execute(
                    "SELECT n_bytes, modified_ns, changed_ns FROM images WHERE name = ?",
                    (os.fsencode(name),),
                ).fetchone()
                if row is not None:
                    found[name] = FileState(*row)
        return found

    def count_from(self, number: int) -> None:
        """Give results numbers above one that lines have already: this database may be an older copy."""
        with self._transaction() as connection:
            last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'results'")
            known = last.fetchone()
            if known is None:
                connection.execute("INSERT INTO sqlite_sequence VALUES ('results', ?)", (number,))
            elif known[0] < number:
                connection.execute(
                    "UPDATE sqlite_sequence SET seq = ? WHERE name = 'results'", (number,)
                )

    def content(self, name: str) -> str:
        """Return the SHA-256 of what was judged last under a name; "" for nothing."""
        with self._transaction() as connection:
            return _first(connection, "SELECT sha256 FROM images WHERE name = ?", os.fsencode(name))

    def record(
        self, files: Sequence[JudgedFile], *, is_to_be_sent: bool, alarm: tuple[str, str] | None
    ) -> None:
        """Keep judgments, and the state of the alarm after them: together, on the disk, or not at all.

        Parameters
        ----------
        is_to_be_sent : the results are messages, too
        alarm : fingerprint and JSON
        """
        now_s = time.time()
        with self._transaction() as connection:
            for file in files:
                connection.execute(
                    "INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?)",
                    (os.fsencode(file.name), *file.state, file.sha256, now_s),
                )
                if file.line:
                    connection.execute(
                        "INSERT INTO results (line, is_sent, made_s) VALUES (?, ?, ?)",
                        (file.line, not is_to_be_sent, now_s),
                    )
            if alarm is not None:
                connection.execute("INSERT OR REPLACE INTO alarms VALUES (?, ?)", alarm)

    def alarm(self, fingerprint: str) -> str:
        """Return what is known of the alarm of a bundle; "" for nothing."""
        with self._transaction() as connection:
            return _first(connection, "SELECT state FROM alarms WHERE fingerprint = ?", fingerprint)

    def unwritten(self, after: int, at_most: int = 500) -> list[tuple[int, str]]:
        """Return number and line of results that are in no file on disk, the first of them."""
        with self._transaction() as connection:
            return connection.execute(
                "SELECT id, line FROM results WHERE NOT is_written AND id > ? ORDER BY id LIMIT ?",
                (after, at_most),
            ).fetchall()

    def mark_written(self, up_to: int) -> None:
        """Keep in mind that results up to a number are in a file on disk; those that are sent, too, go."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE results SET is_written = 1 WHERE id <= ? AND NOT is_written", (up_to,)
            )
            _forget_done(connection)

    def next_message(self, now_s: float) -> Message | None:
        """Return the first message whose time has come, or would have if the clock had not gone back."""
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT id, line, n_tries, made_s FROM results WHERE NOT is_sent "
                "AND NOT (next_try_s > ? AND next_try_s <= ?) ORDER BY id LIMIT 1",
                (now_s, now_s + _LONGEST_PAUSE_S),
            ).fetchone()
            return None if row is None else Message(*row)

    def mark_sent(self, number: int) -> None:
        """Keep in mind that a message has arrived, or is given up."""
        with self._transaction() as connection:
            connection.execute("UPDATE results SET is_sent = 1 WHERE id = ?", (number,))
            _forget_done(connection)

    def mark_failed(self, number: int, next_try_s: float) -> None:
        """Keep in mind that a message has not arrived; it is tried again, not before a time."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE results SET n_tries = n_tries + 1, next_try_s = ? WHERE id = ?",
                (next_try_s, number),
            )

    def retry_all(self) -> None:
        """Let every message be tried at once."""
        with self._transaction() as connection:
            connection.execute("UPDATE results SET next_try_s = 0 WHERE next_try_s > 0")

    def count_unsent(self) -> int:
        """Return how many messages wait."""
        with self._transaction() as connection:
            found = connection.execute("SELECT count(*) FROM results WHERE NOT is_sent").fetchone()
            return int(found[0])

    def forget(self, there: Iterable[str], before_s: float) -> int:
        """Forget files that were judged before a time and are not there any more; return how many."""
        kept = {os.fsencode(name) for name in there}
        with self._transaction() as connection:
            old = connection.execute("SELECT name FROM images WHERE judged_s < ?", (before_s,))
            gone = [row for row in old.fetchall() if row[0] not in kept]
            connection.executemany("DELETE FROM images WHERE name = ?", gone)
            return len(gone)

    def close(self) -> None:
        """Let go of the database."""
        with self._turn:
            self._connection.close()

    def _fact(self, key: str) -> str:
        with self._transaction() as connection:
            return _first(connection, "SELECT value FROM facts WHERE key = ?", key)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line what SQLite could not do."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutputError(f"cannot use {self._path}: {one_line(error)}") from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            raise DataError(f"{self._path} is damaged: {one_line(error)}") from error


def _first(connection: sqlite3.Connection, question: str, key: object) -> str:
    row = connection.execute(question, (key,)).fetchone()
    return "" if row is None else str(row[0])


def _forget_done(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM results WHERE is_written AND is_sent")
