"""Any number of records in order, sorted on disk: SQLite's sorter, in a file that goes with the process."""

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from defectory.domain import OutputError

_MEMORY_KIB = 4 * 1024


class DiskSorter:
    """Takes records in any order, and gives them in that of their keys; memory does not grow with them.

    It lies in the folder for temporary files (TMPDIR), without a name: nothing of it stays, even after a
    kill. It lives as long as its context; OutputError where that folder has no room.
    """

    def __enter__(self) -> Self:
        with _told():
            self._records = sqlite3.connect("", isolation_level=None)
            for setting in ("journal_mode=off", "synchronous=off", f"cache_size=-{_MEMORY_KIB}"):
                self._records.execute(f"pragma {setting}")
            self._records.execute("create table records (key blob, value blob)")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._records.close()

    def add(self, records: Iterable[tuple[bytes, bytes]]) -> int:
        """Take keys with their values, one by one; return how many there were."""
        with _told():
            self._records.execute("begin")
            added = self._records.executemany("insert into records values (?, ?)", records)
            self._records.execute("commit")
        return added.rowcount

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys and values in order of the keys, then of the values."""
        with _told():
            yield from self._records.execute("select key, value from records order by key, value")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"cannot sort in {_folder()}: {error}; name another folder in TMPDIR"
        ) from error


def _folder() -> str:
    """Return where SQLite puts files without a name; Windows says it itself."""
    if sys.platform == "win32":
        return tempfile.gettempdir()
    told = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"))
    places = [*told, "/var/tmp", "/usr/tmp", "/tmp"]
    return next((place for place in places if place and os.access(place, os.W_OK | os.X_OK)), ".")
