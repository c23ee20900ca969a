"""Pictures for the page in three sizes, kept so that the next one is there when it is asked for."""

import threading
from pathlib import Path

from defectory.machine import count_cores
from defectory.review.byte_cache import FolderCache, MemoryCache
from defectory.workflows.reviewing.previews import Preview, make_preview
from defectory.workflows.reviewing.project import ReviewProject

FULL = 0
SIDES_PX = (256, 1600, FULL)
"""Longest side of a preview; FULL for all pixels."""

_MOST_MEMORY_BYTES = 192 * 2**20
_MOST_DISK_BYTES = 2 * 2**30
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}
_Key = tuple[str, int]


class Previews:
    """Previews of a project's images by id. Threads may ask at once; each preview is made once.

    Parameters
    ----------
    project : that knows the files
    folder : where previews are kept from day to day; those of full size are not, the image is on disk already
    most_memory_bytes, most_disk_bytes : >= 0
    """

    def __init__(
        self,
        project: ReviewProject,
        folder: Path,
        *,
        most_memory_bytes: int = _MOST_MEMORY_BYTES,
        most_disk_bytes: int = _MOST_DISK_BYTES,
    ) -> None:
        self._project = project
        self._memory = {kind: MemoryCache[_Key](most_memory_bytes // 2) for kind in _SUFFIXES}
        self._disk = FolderCache(folder, most_disk_bytes)
        self._in_work: dict[_Key, threading.Lock] = {}
        self._lock = threading.Lock()
        self._cores = threading.Semaphore(count_cores())

    def content_of(self, image_id: int) -> str:
        """Return the hash of an image's file, which names its previews."""
        return self._project.image_file(image_id).content

    def get(self, image_id: int, side_px: int) -> Preview:
        """Return a preview, made where it is not kept.

        Parameters
        ----------
        side_px : of SIDES_PX

        Raises
        ------
        ImageReadError : the image cannot be read, or its file has changed.
        """
        file = self._project.image_file(image_id)
        key = file.content, side_px
        found = self._find(key)
        if found is not None:
            return found
        with self._lock:
            making = self._in_work.setdefault(key, threading.Lock())
        try:
            with making:
                return self._find(key) or self._make(file.path, key)
        finally:
            with self._lock:
                self._in_work.pop(key, None)

    @property
    def is_busy(self) -> bool:
        """Whether a preview is being made."""
        return bool(self._in_work)

    def _make(self, path: Path, key: _Key) -> Preview:
        with self._cores:
            preview = make_preview(path, *key)
        self._memory[preview.media_type].put(key, preview.content)
        if key[1] != FULL:
            self._disk.put(_file_name(key, preview.media_type), preview.content)
        return preview

    def _find(self, key: _Key) -> Preview | None:
        for media_type, memory in self._memory.items():
            content = memory.get(key)
            if content is not None:
                return Preview(content, media_type)
        for media_type, memory in self._memory.items():
            content = self._disk.get(_file_name(key, media_type))
            if content is not None:
                memory.put(key, content)
                return Preview(content, media_type)
        return None


def _file_name(key: _Key, media_type: str) -> str:
    content, side_px = key
    return f"{content[:40]}-{side_px}.{_SUFFIXES[media_type]}"
