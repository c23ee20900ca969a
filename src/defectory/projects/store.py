"""The folder of a review and its database."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from defectory.domain import DataError, OutputError
from defectory.domain.errors import one_line
from defectory.projects.schema import APPLICATION_ID, bring_up_to_date
from defectory.storage.names import REVIEW_DATABASE
from defectory.storage.renames import sync_folder

DATABASE = REVIEW_DATABASE

_BUSY_S = 30.0
# Files that SQLite keeps beside a database while it is open, or that a killed process leaves.
_BESIDE = frozenset((DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal"))


class ProjectStore:
    """The database of a review, open. Threads and processes may use it at once.

    Each use opens a connection of its own; one more stays open meanwhile, as closing the last one writes the
    whole log back into the database.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.database = self.folder / DATABASE
        self._kept = self._connect()
        try:
            with _told(self.database):
                bring_up_to_date(self._kept)
        except BaseException:
            self._kept.close()
            raise

    @classmethod
    def create(cls, folder: Path) -> "ProjectStore":
        """Return the store of a new folder, or of one where an earlier `create` was interrupted.

        Raises
        ------
        OutputError : the folder holds what is not ours, or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            names = set(os.listdir(folder))  # noqa: PTH208 - names only
        except OSError as error:
            raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
        if not is_project(folder) and (names - _BESIDE or not _is_blank(folder / DATABASE)):
            foreign = min(names - _BESIDE, default=DATABASE)
            raise OutputError(
                f"{folder} holds what is no review ({foreign}); it stays: choose another folder"
            )
        store = cls(folder)
        for name in ("bundles", "masks"):
            (folder / name).mkdir(exist_ok=True)
        sync_folder(folder)
        return store

    @classmethod
    def open(cls, folder: Path) -> "ProjectStore":
        """Return the store of a folder that holds a review.

        Raises
        ------
        DataError : it holds none, or one of a newer version.
        """
        if not is_project(folder):
            raise DataError(f"{folder} is no review; make one with  defectory review BUNDLE DATA")
        return cls(folder)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state of the database throughout."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection on which nobody else writes; all is on the disk afterwards, or nothing is.

        Raises
        ------
        OutputError : it cannot be written.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close the connection that is kept; what is in use ends by itself."""
        self._kept.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with _told(self.database):
            connection = self._connect()
            try:
                connection.execute(begin)
                try:
                    yield connection
                except BaseException:
                    if connection.in_transaction:  # a full disk has ended it
                        connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            finally:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        with _told(self.database):
            connection = sqlite3.connect(
                self.database, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                connection.close()
                raise
            return connection


def is_project(folder: Path) -> bool:
    """Return whether a folder holds a review that we wrote."""
    database = folder / DATABASE
    return database.is_file() and _ask(database, "PRAGMA application_id") == APPLICATION_ID


def _is_blank(database: Path) -> bool:
    """Return whether there is no database, or one without any table: its making was interrupted."""
    return not database.exists() or _ask(database, "SELECT count(*) FROM sqlite_master") == 0


def _ask(database: Path, question: str) -> int:
    """Return the number that a database answers, the log beside it included; -1 where it is none."""
    try:
        with closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)
        ) as opened:
            return int(opened.execute(question).fetchone()[0])
    except sqlite3.Error:
        return -1


@contextmanager
def _told(database: Path) -> Iterator[None]:
    """Say in one line what SQLite could not do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OutputError(f"cannot use {database}: {one_line(error)}") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise DataError(f"{database} is damaged: {one_line(error)}") from error
