"""Files read as seldom as can be: their hashes are remembered, and some of their bytes for a while."""

import hashlib
import os
import threading
import time
from pathlib import Path

from defectory.sources.decoding import read_bytes

# A file that was written to so short a time ago may change again and look the same by its times.
_SETTLED_NS = 100_000_000
# Hashes that are remembered, of 300 bytes each.
_MAX_REMEMBERED = 200_000

_State = tuple[int, ...]
_remembered: dict[_State, str] = {}


class FileContents:
    """The bytes of files and their hashes; threads may ask at once.

    A file that was hashed a moment ago is not read again to be decoded by the same thread. Beyond that, the
    files that are read first are kept: what a fit looks at before it reads all images, it will want again.

    Parameters
    ----------
    max_kept_bytes : >= 0, of the files that are kept
    """

    def __init__(self, max_kept_bytes: int = 0) -> None:
        self._n_free = max_kept_bytes
        self._kept: dict[Path, bytes] = {}
        self._lock = threading.Lock()
        self._last = threading.local()

    def read(self, path: Path) -> bytes:
        """Return the bytes of a file; raise ImageReadError."""
        kept = self._kept.get(path)
        if kept is not None:
            return kept
        last: tuple[Path, bytes] | None = getattr(self._last, "read", None)
        self._last.read = None
        if last is not None and last[0] == path:
            return last[1]
        return self._read(path)

    def fingerprint(self, path: Path) -> str:
        """Return the SHA-256 of a file's bytes; raise ImageReadError.

        It is remembered, for this process, for as long as the file's place, size and times stay the same.
        """
        state, is_settled = _state_of(path)
        known = _remembered.get(state)
        if known is not None:
            return known
        data = self._kept.get(path)
        if data is None:
            data = self._read(path)
            self._last.read = (path, data)
        digest = hashlib.sha256(data).hexdigest()
        if is_settled:
            if len(_remembered) >= _MAX_REMEMBERED:
                _remembered.clear()
            _remembered[state] = digest
        return digest

    def _read(self, path: Path) -> bytes:
        data = read_bytes(path)
        with self._lock:
            if path not in self._kept and len(data) <= self._n_free:
                self._n_free -= len(data)
                self._kept[path] = data
        return data


def _state_of(path: Path) -> tuple[_State, bool]:
    """Return what changes when a file does, and whether it can be relied on."""
    now = time.time_ns()
    try:
        found = os.stat(path)  # noqa: PTH116 - as fast as it can be
    except (OSError, ValueError):
        return (), False  # reading it will say what is wrong
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    is_settled = found.st_ino != 0 and now - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS
    return state, is_settled
