"""What was made lately, bounded in bytes: in memory, and in a folder."""

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from defectory.storage.whole_files import PART_SUFFIX, write_whole

Key = TypeVar("Key", bound=Hashable)


class MemoryCache(Generic[Key]):
    """Contents by key; the one that was not asked for longest goes first. Threads may use it at once.

    Parameters
    ----------
    most_bytes : >= 0, of all contents; one of more than a quarter of it is not kept
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._n_bytes = 0
        self._contents: OrderedDict[Key, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> bytes | None:
        """Return a content, or None where it is not kept."""
        with self._lock:
            if key in self._contents:
                self._contents.move_to_end(key)
            return self._contents.get(key)

    def put(self, key: Key, content: bytes) -> None:
        """Keep a content."""
        with self._lock:
            self._n_bytes -= len(self._contents.pop(key, b""))
            if 4 * len(content) > self._most_bytes:
                return
            self._contents[key] = content
            self._n_bytes += len(content)
            while self._n_bytes > self._most_bytes:
                self._n_bytes -= len(self._contents.popitem(last=False)[1])

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._contents


class FolderCache:
    """Contents by file name in a folder of our own; a cache: what cannot be read or written is made again.

    Parameters
    ----------
    folder : made when the first content comes
    most_bytes : >= 0, of all files; the one that was not asked for longest goes first
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._sizes = _sizes_by_use(folder)
        self._lock = threading.Lock()
        self._drop_oldest()

    def get(self, name: str) -> bytes | None:
        """Return a content, or None where it is not kept."""
        with self._lock:
            if name not in self._sizes:
                return None
            self._sizes.move_to_end(name)
        path = self._folder / name
        try:
            content = path.read_bytes()
            os.utime(path)  # the next process knows from it what was used last
        except OSError:
            return None
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep a content; where the disk does not take it, it is not kept."""
        try:
            write_whole(self._folder / name, content)
        except OSError:
            return
        with self._lock:
            self._sizes[name] = len(content)
            self._sizes.move_to_end(name)
            self._drop_oldest()

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._sizes

    def _drop_oldest(self) -> None:
        while sum(self._sizes.values()) > self._most_bytes:
            name, _ = self._sizes.popitem(last=False)
            with suppress(OSError):
                (self._folder / name).unlink()


def _sizes_by_use(folder: Path) -> OrderedDict[str, int]:
    """Return name -> bytes of the files that are there, last used last; what a killed process left goes."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.endswith(PART_SUFFIX):
                Path(entry.path).unlink(missing_ok=True)
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, entry.name, status.st_size))
    return OrderedDict((name, size) for _, name, size in sorted(found))
