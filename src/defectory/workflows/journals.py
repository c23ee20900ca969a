"""A journal of what was judged, kept as it happens."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from defectory.domain import DataError, OutputError, ParameterError
from defectory.storage import readable_name
from defectory.storage.leftovers import Lock, take_lock
from defectory.storage.outputs import cannot_write
from defectory.workflows.recent_images import RecentImages

__all__ = ["Journal", "JournalEntry", "RecentImages", "read_journal"]

N_FILES = 4
"""A journal is kept in at most so many files; the oldest is dropped."""

_SYNC_EVERY_S = 1.0
_TAIL_BYTES = 2**16


@dataclass(frozen=True)
class JournalEntry:
    """One image that was judged.

    Attributes
    ----------
    time : when, UTC, ISO 8601
    name : of the image, as whoever sent it calls it
    sha256 : of the file's bytes, hex digits; "" where they could not be read
    score : raw
    is_rejected : whether the score is above the threshold
    p_value : of the score among those of good images
    bundle : name@version of the bundle that judged it
    request_id : of the request it came with, if any
    kept : path of the kept image, if any
    """

    time: str
    name: str
    sha256: str
    score: float
    is_rejected: bool
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
        self._handle = -1
        self._is_closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
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
                if self._handle < 0:  # it could not be opened when the one before was put aside
                    self._open()
                if self._n_bytes and self._n_bytes + len(line) > self._max_bytes:
                    self._put_aside()
                self._write(line)
            except OSError as error:
                raise cannot_write(self._path, error) from error

    def close(self) -> None:
        """Bring everything to the disk and let go of the file; once more does nothing."""
        with self._turn:
            self._is_closed = True
            self._close()

    def _open(self) -> None:
        # read and write: a torn line of a killed process is cut off
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        handle = os.open(self._path, flags, 0o666)
        lock = take_lock(self._path)
        if lock is None:
            os.close(handle)
            raise OutputError(f"{self._path}: another process writes this journal")
        self._handle, self._lock = handle, lock
        self._n_bytes = _whole_bytes(handle)
        os.ftruncate(handle, self._n_bytes)
        self._synced_s = time.monotonic()

    def _write(self, line: bytes) -> None:
        try:
            if os.write(self._handle, line) != len(line):
                raise OSError("the disk is full")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._n_bytes)
            raise
        self._n_bytes += len(line)
        if time.monotonic() - self._synced_s > _SYNC_EVERY_S:
            os.fsync(self._handle)
            self._synced_s = time.monotonic()

    def _put_aside(self) -> None:
        self._close()
        for number in range(N_FILES - 1, 0, -1):
            older = _numbered(self._path, number - 1)
            with contextlib.suppress(FileNotFoundError):
                older.replace(_numbered(self._path, number))
        self._open()

    def _close(self) -> None:
        if self._handle < 0:
            return
        handle, self._handle = self._handle, -1
        lock: Lock = self._lock
        try:
            with contextlib.suppress(OSError):  # some file systems sync nothing
                os.fsync(handle)
        finally:
            os.close(handle)
            lock.release()


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


def _whole_bytes(handle: int) -> int:
    """Return how many bytes of a file are whole lines."""
    end = os.fstat(handle).st_size
    while end:
        start = max(0, end - _TAIL_BYTES)
        os.lseek(handle, start, os.SEEK_SET)
        found = os.read(handle, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
