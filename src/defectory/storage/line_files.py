"""A file that only grows, line by line: what a killed process leaves of it are whole lines."""

import contextlib
import os
import time
from pathlib import Path

from defectory.domain import OutputError
from defectory.storage.leftovers import take_lock
from defectory.storage.renames import sync_folder

_SYNC_EVERY_S = 1.0
_TAIL_BYTES = 2**16


class LineFile:
    """An append-only file with one writer, which is one thread at a time; others may read it meanwhile.

    Parameters
    ----------
    path : its folder is there; what a killed process, or a power cut, has left behind the last whole line
        is cut off

    Attributes
    ----------
    n_bytes : written so far
    is_synced : whether all of it is on the disk, safe from a power cut

    Raises
    ------
    OutputError : another process writes it.
    OSError : as it comes.
    """

    def __init__(self, path: Path) -> None:
        is_new = not path.exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags, 0o666)
        lock = take_lock(path)
        if lock is None:
            os.close(self._handle)
            raise OutputError(f"another process writes {path}; wait until it has ended")
        self._lock = lock
        if is_new:
            sync_folder(path.parent)
        self.n_bytes = _whole_bytes(self._handle)
        os.ftruncate(self._handle, self.n_bytes)
        self.is_synced = False  # what an earlier process wrote may not be
        self._synced_s = time.monotonic()

    def append(self, line: bytes) -> None:
        """Write a line, its end included, in one call; where that fails nothing of it stays. OSError."""
        try:
            if os.write(self._handle, line) != len(line):
                raise OSError("the disk is full")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self.n_bytes)
            raise
        self.n_bytes += len(line)
        self.is_synced = False

    def sync_now_and_then(self) -> None:
        """Bring all to the disk if that was last done a second ago or more; OSError as it comes."""
        if time.monotonic() - self._synced_s > _SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Return when all is on the disk; OSError as it comes."""
        os.fsync(self._handle)
        self.is_synced = True
        self._synced_s = time.monotonic()

    def close(self) -> None:
        """Bring all to the disk and let go of the file; once more does nothing."""
        if self._handle < 0:
            return
        handle, self._handle = self._handle, -1
        try:
            with contextlib.suppress(OSError):  # some file systems sync nothing
                os.fsync(handle)
        finally:
            os.close(handle)
            self._lock.release()


def last_line(path: Path) -> bytes:
    """Return the last whole line of a file, without its end; empty where there is none. OSError."""
    with path.open("rb") as file:
        end = _whole_bytes(file.fileno()) - 1
        if end < 0:
            return b""
        start = end
        found = -1
        while start and found < 0:
            start = max(0, start - _TAIL_BYTES)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
        file.seek(start + found + 1)
        return file.read(end - start - found - 1)


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
