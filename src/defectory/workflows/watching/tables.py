"""Tables of the database of a watch."""

import sqlite3
import uuid
from pathlib import Path

from defectory.domain import DataError

DATABASE = "watch.sqlite"

APPLICATION_ID = 0x64667774
"""In the header of the file ("dfwt"): it is a watch of ours."""

_VERSION = 1
_TABLES = (
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    # the last state in which a file was judged; its name need not be text
    "CREATE TABLE images (name BLOB PRIMARY KEY, n_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, "
    "changed_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, judged_s REAL NOT NULL) WITHOUT ROWID",
    # AUTOINCREMENT: a number never comes again, though rows go when they are written and sent
    "CREATE TABLE results (id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, is_written INTEGER NOT "
    "NULL DEFAULT 0, is_sent INTEGER NOT NULL, n_tries INTEGER NOT NULL DEFAULT 0, next_try_s REAL NOT NULL "
    "DEFAULT 0, made_s REAL NOT NULL)",
    "CREATE TABLE alarms (fingerprint TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID",
)


def make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new database; DataError where a newer version has made them."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        raise DataError(
            f"a newer version of defectory wrote {path}; update with  pip install -U defectory"
        )
    if version == _VERSION:
        return
    for table in _TABLES:
        connection.execute(table)
    connection.execute("INSERT INTO facts VALUES ('key', ?)", (uuid.uuid4().hex[:16],))
    connection.execute(f"PRAGMA user_version = {_VERSION}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def is_watch(folder: Path) -> bool:
    """Return whether a folder holds what a watch of ours has kept, or began to."""
    path = folder / DATABASE
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    # all of it may still be in the log beside the database
    return not header or header[68:72] in (b"\0\0\0\0", APPLICATION_ID.to_bytes(4, "big"))
