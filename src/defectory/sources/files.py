"""Image files under a folder: in natural order, without hidden files, safe from link loops."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from defectory.domain import DataError
from defectory.sources.images import image_extensions

_IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}


def find_images(folder: Path) -> list[Path]:
    """Return every image file under `folder`, in natural order (img2 before img10).

    Raises
    ------
    DataError : a folder may not be entered.
    """
    return sorted(_walk(folder, frozenset()), key=natural_key)


def is_image_name(path: Path) -> bool:
    """Return whether the extension, in any case, is one of an image format."""
    return path.suffix.lower() in image_extensions()


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return a sort key by which numbers inside names count as numbers."""
    return tuple(_natural_part(part) for part in path.parts)


def _natural_part(part: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"([0-9]+)", part)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p]
    # "01" and "1" count the same; the text decides, so that the order never depends on the disk.
    return (*key, (2, 0, part))


def _walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        raise DataError(f"cannot look into {folder}: {error.strerror or error}") from error
    here = (status.st_dev, status.st_ino)
    if here in above:  # a link that leads back up
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _IGNORED:
            continue
        path = folder / entry.name
        if path.is_dir():  # False for a link to itself, where entry.is_dir() raises
            yield from _walk(path, above | {here})
        elif is_image_name(path):
            yield path
