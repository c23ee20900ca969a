"""Features on disk, addressed by content, so that a second fit does not extract again.

One file a record (a checksum, then safetensors), written under a temporary name and renamed: a killed
process leaves no half record
behind, and two processes that write the same record write the same bytes. When the folder outgrows its
bound, the records used longest ago go first.
"""

import contextlib
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import safetensors.numpy

from defectory.backbones.kept_features import Record
from defectory.domain import ParameterError
from defectory.storage.whole_files import PART_SUFFIX, write_whole

DEFAULT_CACHE_BYTES = 4 * 2**30
# Looking at every file is slow on a full cache, so the bound is checked after this much was written.
_CHECK_AFTER_BYTES = 256 * 2**20
_STALE_AFTER_S = 3600.0
_DIGEST_BYTES = 16


class FeatureCache:
    """A bounded store of named float16 arrays.

    Parameters
    ----------
    folder : where records lie; made when first written to
    max_bytes : >= 0
        bound of the folder; it may be passed by up to 256 MiB between two checks

    Notes
    -----
    A record that cannot be read (truncated disk, foreign file) counts as absent and is replaced. A
    full or read-only disk, a file where a folder should be or another user's folder stop the writing:
    features are then extracted each time. `problem` says so.

    Attributes
    ----------
    problem : why nothing more is written, in one line; empty where all is well
    n_damaged : records that were found damaged
    """

    dtype = np.float16

    def __init__(self, folder: Path, *, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        if max_bytes < 0:
            raise ParameterError(f"max_bytes is {max_bytes}; give 0 or more")
        self._folder = folder
        self._max_bytes = max_bytes
        # as if due for a check: processes that each write little must keep the bound together, too
        self._written_bytes = _CHECK_AFTER_BYTES
        self.problem = ""
        self.n_damaged = 0

    def get(self, key: str) -> Record | None:
        """Return the record, or None where there is none that can be read."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != _digest(body):
            self.n_damaged += 1
            return None
        with contextlib.suppress(OSError):  # a folder that may only be read still serves
            os.utime(path)
        return safetensors.numpy.load(body)

    def put(self, key: str, record: Record) -> None:
        """Store a record; without effect, but for `problem`, where the disk does not take it."""
        if self.problem:
            return
        try:
            self._write(self._path(key), record)
            self._written_bytes += sum(array.nbytes for array in record.values())
            if self._written_bytes > min(_CHECK_AFTER_BYTES, self._max_bytes):
                self.evict()
        except OSError as error:
            self.problem = (
                f"the cache {self._folder} cannot be written ({error.strerror or error}); "
                "the next fit reads all images again"
            )

    def evict(self) -> None:
        """Remove the records used longest ago until the folder keeps its bound."""
        self._written_bytes = 0
        self._remove_stale_parts()
        found = []
        for path in self._folder.glob("*/*.features"):
            with contextlib.suppress(OSError):  # another process may have removed it
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _remove_stale_parts(self) -> None:
        """Remove what killed processes were writing; a living one needs seconds, not an hour."""
        for path in self._folder.glob(f"*/.*{PART_SUFFIX}"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_AFTER_S:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.features"

    def _write(self, path: Path, record: Record) -> None:
        body = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in record.items()})
        write_whole(path, _digest(body) + body)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
