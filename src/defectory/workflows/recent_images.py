"""The image files that came last, within a bound on their bytes."""

import re
import threading
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from defectory.domain import OutputError, ParameterError
from defectory.storage import safe_names
from defectory.storage.outputs import cannot_write
from defectory.storage.whole_files import PART_SUFFIX, write_whole

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")
# of a kept image: when it was kept, and what it was called
_KEPT = re.compile(r"\d{8}T\d{6}\.\d{6}Z_.+", re.DOTALL)
_KEPT_PART = re.compile(rf"\.{_KEPT.pattern}{re.escape(PART_SUFFIX)}", re.DOTALL)


class RecentImages:
    """The image files that came last, in a folder that never holds more bytes than allowed.

    Parameters
    ----------
    folder : made where it is missing; images that an earlier process kept there count, other files stay
    max_bytes : > 0, of all images together

    Raises
    ------
    OutputError : the folder cannot be written.
    ParameterError : `max_bytes` is not above 0.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        if max_bytes <= 0:
            raise ParameterError(f"recent images need more than {max_bytes} bytes")
        self._folder = folder
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._kept: deque[tuple[Path, int]] = deque()
        self._last_us = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.iterdir()):
                if _KEPT_PART.fullmatch(path.name):  # of a killed process
                    path.unlink(missing_ok=True)
                elif _KEPT.fullmatch(path.name) and path.is_file():
                    self._kept.append((path, path.stat().st_size))
            self._n_bytes = sum(size for _, size in self._kept)
            self._make_room(0)
        except OSError as error:
            raise cannot_write(folder, error) from error

    def keep(self, content: bytes, name: str, suffix: str) -> Path:
        """Write an image file and return where; the oldest go to make room. Threads may call it.

        Parameters
        ----------
        content : of the file
        name : of the image, anything; a part of it is in the file's name
        suffix : of the file, with its dot, as in ".png"

        Raises
        ------
        OutputError : it cannot be written, or is larger than all that may be kept.
        ParameterError : the suffix is none.
        """
        if not _SUFFIX.fullmatch(suffix):
            raise ParameterError(f"{suffix!r} is no ending of a file, like .png")
        if len(content) > self._max_bytes:
            raise OutputError(
                f"an image of {len(content):,} bytes is more than the {self._max_bytes:,} that are kept"
            )
        with self._turn:
            path = self._folder / self._name(name, suffix)
            try:
                self._make_room(len(content))
                write_whole(path, content)
            except OSError as error:
                raise cannot_write(path, error) from error
            self._kept.append((path, len(content)))
            self._n_bytes += len(content)
            return path

    def _name(self, name: str, suffix: str) -> str:
        """Return a name that no kept image has, and that comes behind theirs."""
        now_us = time.time_ns() // 1000
        self._last_us = max(now_us, self._last_us + 1)
        at = datetime.fromtimestamp(self._last_us // 10**6, UTC).replace(
            microsecond=self._last_us % 10**6
        )
        last = PurePosixPath(name.replace("\\", "/")).name or "image"
        safe = safe_names([last.removesuffix(suffix)], suffix)[0]
        return f"{at:%Y%m%dT%H%M%S.%fZ}_{safe}"

    def _make_room(self, n_bytes: int) -> None:
        while self._kept and self._n_bytes + n_bytes > self._max_bytes:
            path, size = self._kept[0]
            path.unlink(missing_ok=True)  # where it cannot be removed, it stays the next to go
            self._kept.popleft()
            self._n_bytes -= size
