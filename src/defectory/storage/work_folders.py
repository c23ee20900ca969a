"""The work folder of an unfinished run, `out.unfinished`: a journal of rows, and the result as it grows.

.defectory.json   which run it is of, and every file that it will write
rows.jsonl        one line an item that is done: its key, its files with checksums, its row
result/           becomes `out`
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from defectory.domain import OutputError
from defectory.storage.markers import (
    MARKER_NAME,
    Content,
    Marker,
    find_foreign,
    read_content,
    read_marker,
    walk,
    write_marker,
)
from defectory.storage.renames import held_signals

JOURNAL_NAME, RESULT_NAME = "rows.jsonl", "result"
_SYNC_EVERY_S = 2.0

Row = Mapping[str, Any]
Files = Mapping[str, Content]


def read_work_marker(folder: Path) -> Marker:
    """Return the marker of a work folder.

    Raises
    ------
    OutputError : it is none, or holds what we did not write.
    """
    marker = read_marker(folder)
    if marker is None or not marker.run:
        raise OutputError(
            f"{folder}, where unfinished work would lie, is there already and is no such thing; "
            "it stays: move it away or choose another output"
        )
    known = dict(marker.files)
    replaced = read_marker(folder / RESULT_NAME)  # complete, or what it has replaced
    if replaced is not None:
        known |= {f"{RESULT_NAME}/{name}": None for name in replaced.files}
    try:
        foreign = find_foreign(folder, Marker(marker.writer, known))
    except OSError as error:
        raise OutputError(f"cannot look into {folder}: {error.strerror or error}") from error
    if foreign:
        raise OutputError(
            f"{folder} holds what defectory did not write ({foreign}); it stays: move it away"
        )
    return marker


def write_work_marker(folder: Path, writer: str, run: str, files: Sequence[str]) -> None:
    """Say which run a work folder is of, and every file that it will write into the result."""
    own = (JOURNAL_NAME, *(f"{RESULT_NAME}/{MARKER_NAME}{end}" for end in ("", ".part")))
    planned = (*own, *(f"{RESULT_NAME}/{name}" for name in files))
    write_marker(folder, Marker(writer, dict.fromkeys(planned), run))


def clear_result(result: Path, files: Sequence[str]) -> None:
    """Remove what the run does not write from a result of ours: of images that are gone, or replaced."""
    planned = set(files)
    for name, is_folder in list(walk(result)):
        if is_folder:
            with contextlib.suppress(OSError):  # not empty
                (result / name).rmdir()
        elif name not in planned:
            (result / name).unlink()


class Journal:
    """Rows on disk, in the order of the items that they are of.

    Parameters
    ----------
    folder : work folder
    keys : of all items, in order; a key tells an item, and whether it has changed

    Attributes
    ----------
    n_done : items whose rows are kept: those of a killed run up to the first that is torn, of another item,
        or whose files are not as they were written
    """

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        self._path = folder / JOURNAL_NAME
        self._result = folder / RESULT_NAME
        self._keys = keys
        self.n_done, n_bytes = self._count()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._handle = os.open(self._path, flags, 0o666)
        os.ftruncate(self._handle, n_bytes)
        self._synced_s = time.monotonic()

    def append(self, row: Row, files: Files | None = None) -> None:
        """Keep the row of the next item, and what it has written into the result; OSError as it comes."""
        entry = {
            "key": self._keys[self.n_done],
            "files": {name: [c.n_bytes, c.sha256] for name, c in (files or {}).items()},
            "row": row,
        }
        line = memoryview(json.dumps(entry, allow_nan=False).encode() + b"\n")
        with held_signals():  # a row on disk is a row that counts
            while line:
                line = line[os.write(self._handle, line) :]
            self.n_done += 1
        if time.monotonic() - self._synced_s > _SYNC_EVERY_S:
            os.fsync(self._handle)
            self._synced_s = time.monotonic()

    def rows(self, order: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows from the disk, in their order or another."""
        with self._path.open("rb") as lines:
            if order is None:
                for line in lines:
                    yield json.loads(line)["row"]
                return
            starts = [0]
            for line in lines:
                starts.append(starts[-1] + len(line))
            for i in order:
                lines.seek(starts[i])
                yield json.loads(lines.readline())["row"]

    def close(self) -> None:
        """Let go of the file; once more does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _count(self) -> tuple[int, int]:
        """Return how many items are done, and the bytes of their rows."""
        n_done = n_bytes = 0
        if not self._path.exists():
            return 0, 0
        with self._path.open("rb") as lines:
            for key, line in zip(self._keys, lines, strict=False):
                if not self._is_sound(line, key):
                    break
                n_done += 1
                n_bytes += len(line)
        return n_done, n_bytes

    def _is_sound(self, line: bytes, key: str) -> bool:
        if not line.endswith(b"\n"):
            return False
        try:
            entry = json.loads(line)
            return entry["key"] == key and all(
                read_content(self._result / name) == Content(*known)
                for name, known in entry["files"].items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
