"""A journal of what was judged, kept as it happens."""

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from defectory.domain import DataError, OutputError, ParameterError
from defectory.storage import readable_name
from defectory.storage.line_files import LineFile
from defectory.storage.outputs import cannot_write

N_FILES = 4
"""A journal is kept in at most so many files; the oldest is dropped."""


@dataclass(frozen=True)
class JournalEntry:
    """One image that was judged.

    Attributes
    ----------
    time : when, UTC, ISO 8601
    name : of the image, as whoever sent it calls it
    sha256 : of the file's bytes, hex digits; "" where they could not be read
    score : raw
    is_anomalous : whether the score is above the threshold
    p_value : of the score among those of good images
    bundle : name@version of the bundle that judged it
    request_id : of the request it came with, if any
    kept : path of the kept image, if any
    """

    time: str
    name: str
    sha256: str
    score: float
    is_anomalous: bool
    p_value: float
    bundle: str
    request_id: str = ""
    kept: str = ""


class Journal:
    """An append-only file of JSON lines, one an entry. Threads may share it; other processes may read it.

    Parameters
    ----------
    path : of the newest file; those before it are `path.1` (the one before), `path.2`, `path.3`
    max_bytes : > 0, of one file; the one that would grow above is put aside, and the oldest dropped

    Raises
    ------
    OutputError : it cannot be written, or another process writes it.
    ParameterError : `max_bytes` is not above 0.

    Notes
    -----
    A line is written in one call, so that a killed process leaves whole lines. It is on the disk, safe from
    a power cut as well, at the first `append` a second later, and at `close`.
    """

    def __init__(self, path: Path, *, max_bytes: int = 64 * 2**20) -> None:
        if max_bytes <= 0:
            raise ParameterError(f"a journal needs more than {max_bytes} bytes")
        self._path = path
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._file: LineFile | None = None
        self._is_closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = LineFile(path)
        except OSError as error:
            raise cannot_write(path, error) from error

    def append(self, entry: JournalEntry) -> None:
        """Write an entry; other processes see it when this returns.

        Raises
        ------
        OutputError : it cannot be written (a full disk); nothing of it is left in the file.
        """
        line = msgspec.json.encode(_readable(entry)) + b"\n"
        with self._turn:
            if self._is_closed:
                raise OutputError(f"{self._path} is closed")
            try:
                file = self._file_for(len(line))
                file.append(line)
                file.sync_now_and_then()
            except OSError as error:
                raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Bring everything to the disk and let go of the file; once more does nothing."""
        with self._turn:
            self._is_closed = True
            if self._file is not None:
                self._file.close()

    def _file_for(self, n_bytes: int) -> LineFile:
        """Return the newest file; a new one where so many bytes would be too much for it."""
        if self._file is not None:
            if not self._file.n_bytes or self._file.n_bytes + n_bytes <= self._max_bytes:
                return self._file
            self._file.close()
            self._file = None
            for number in range(N_FILES - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    _numbered(self._path, number - 1).replace(_numbered(self._path, number))
        self._file = LineFile(self._path)
        return self._file


def read_journal(path: Path) -> Iterator[JournalEntry]:
    """Yield the entries of a journal, the oldest first, but for a last line that is not there as a whole.

    Raises
    ------
    DataError : there is no journal, it cannot be read, or a line in it is damaged.
    """
    with ExitStack() as opened:
        files: dict[int, tuple[Path, BinaryIO]] = {}
        # the newest first: one that is put aside meanwhile is met again, and none is missed
        for number in range(N_FILES):
            each = _numbered(path, number)
            try:
                file: BinaryIO = opened.enter_context(each.open("rb"))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise DataError(f"cannot read {each}: {error.strerror or error}") from error
            files.setdefault(os.fstat(file.fileno()).st_ino, (each, file))
        if not files:
            raise DataError(f"cannot read {path}: there is no journal")
        for each, file in reversed(files.values()):
            yield from _entries(each, file)


def _entries(path: Path, file: BinaryIO) -> Iterator[JournalEntry]:
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            return
        try:
            yield msgspec.json.decode(line, type=JournalEntry)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path}, line {number} is damaged: {error}") from error


def _readable(entry: JournalEntry) -> JournalEntry:
    """Return the entry with valid Unicode throughout: a name of a file may be anything."""
    return replace(
        entry,
        name=readable_name(entry.name),
        bundle=readable_name(entry.bundle),
        request_id=readable_name(entry.request_id),
        kept=readable_name(entry.kept),
    )


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path
