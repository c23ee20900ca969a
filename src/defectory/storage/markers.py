"""The marker of a folder that we wrote: who wrote it, and every file in it with its checksum.

A folder that carries none is somebody else's. So is whatever lies in a marked folder and is not listed there,
or was changed since: a folder is replaced or removed only where nothing of that kind is in it.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from defectory import __version__
from defectory.storage.renames import sync_file, sync_folder

MARKER_NAME = ".defectory.json"

_SCHEMA = 1
_N_SYNCED_AT_ONCE = 16
_MAX_BYTES = 256 * 2**20
# what systems put into folders that a person has looked at
_LITTER = {".ds_store", "thumbs.db", "desktop.ini", ".directory"}


@dataclass(frozen=True)
class Content:
    """What a file held when it was written: its length, and its SHA-256 as hex digits."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Marker:
    """What wrote a folder.

    Attributes
    ----------
    writer : the command, such as "score"
    files : path below the folder, with forward slashes -> content; None for a file that is being written
    run : of unfinished work, what tells it from other work
    """

    writer: str
    files: Mapping[str, Content | None] = field(repr=False)
    run: str = ""
    version: str = __version__


def write_marker(folder: Path, marker: Marker) -> None:
    """Write the marker of a folder, whole or not at all; OSError as it comes."""
    data: dict[str, Any] = {
        "schema": _SCHEMA,
        "written_by": f"defectory {marker.writer}",
        "version": marker.version,
    }
    if marker.run:
        data["unfinished"] = marker.run
    data["files"] = {
        name: None if content is None else [content.n_bytes, content.sha256]
        for name, content in sorted(marker.files.items())
    }
    part = folder / f"{MARKER_NAME}.part"
    part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    sync_file(part)
    part.replace(folder / MARKER_NAME)
    sync_folder(folder)


def read_marker(folder: Path) -> Marker | None:
    """Return the marker of a folder; None where there is none that we could have written."""
    path = folder / MARKER_NAME
    try:
        if not stat.S_ISREG(path.lstat().st_mode) or path.stat().st_size > _MAX_BYTES:
            return None
        data = json.loads(path.read_bytes())
        tool, writer = data["written_by"].split(" ", 1)
        if data["schema"] != _SCHEMA or tool != "defectory":
            return None
        files = {
            str(name): None if known is None else Content(int(known[0]), str(known[1]))
            for name, known in data["files"].items()
        }
        return Marker(writer, files, str(data.get("unfinished", "")), str(data["version"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def seal_folder(folder: Path, writer: str) -> None:
    """Write the marker of a folder that is complete, and return when all of it is on the disk."""
    found = list(walk(folder))
    names = [name for name, is_folder in found if not is_folder and name != MARKER_NAME]

    def seal(name: str) -> Content:
        sync_file(folder / name)
        return read_content(folder / name)

    # disks take many files at once in the time that they take for one
    with ThreadPoolExecutor(_N_SYNCED_AT_ONCE) as pool:
        contents = list(pool.map(seal, names))
    for name, is_folder in found:
        if is_folder:
            sync_folder(folder / name)
    write_marker(folder, Marker(writer, dict(zip(names, contents, strict=True))))


def read_content(path: Path) -> Content:
    """Return what a file holds; OSError as it comes."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Content(file.tell(), digest.hexdigest())


def find_foreign(folder: Path, marker: Marker, *, look_inside: bool = True) -> str:
    """Return what in a marked folder is not ours, for a person to read; "" where all of it is.

    Parameters
    ----------
    look_inside : compare checksums, too, not only names and lengths
    """
    above = {str(parent) for name in marker.files for parent in Path(name).parents}
    for name, is_folder in walk(folder):
        if is_folder:
            if name not in above:
                return name
            continue
        base = name.rpartition("/")[2]
        if name in (MARKER_NAME, f"{MARKER_NAME}.part") or base.lower() in _LITTER:
            continue
        if name not in marker.files:
            return name
        if not _is_as_written(folder / name, marker.files[name], look_inside=look_inside):
            return f"{name}, changed since"
    return ""


def _is_as_written(path: Path, content: Content | None, *, look_inside: bool) -> bool:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    if content is None:
        return True
    if status.st_size != content.n_bytes:
        return False
    return not look_inside or read_content(path) == content


def walk(folder: Path, above: str = "") -> Iterator[tuple[str, bool]]:
    """Yield path and is_folder of everything below a folder, in order; links are not followed."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = f"{above}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from walk(folder / entry.name, f"{name}/")
            yield name, True
        else:
            yield name, False
