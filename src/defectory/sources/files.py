"""Image files under a folder: in natural order, without hidden files, safe from link loops."""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from defectory.domain import DataError, ManifestError
from defectory.sources.decoding import EXTENSIONS

_IGNORED = {"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin"}
_IGNORED_STARTS = (".", "~$")  # hidden; open in an office program


MANIFEST_LAYOUTS = {
    "csv": (".csv", ".tsv"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}
"""Layout -> file endings."""

_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_WORKBOOK_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class FoundFiles:
    """The files under a folder.

    Attributes
    ----------
    images : image files by their ending, in natural order (img2 before img10)
    skipped : (ending, count) of the others, most first; hidden and system files are in neither
    """

    images: tuple[Path, ...]
    skipped: tuple[tuple[str, int], ...]


def find_files(folder: Path) -> FoundFiles:
    """Return every image file under `folder`, and which endings the other files have.

    Raises
    ------
    DataError : a folder may not be entered.
    """
    images: list[Path] = []
    endings: Counter[str] = Counter()
    for path in walk_files(folder):
        if is_image_name(path):
            images.append(path)
        else:
            endings[path.suffix.lower() or "no ending"] += 1
    skipped = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    return FoundFiles(tuple(sorted(images, key=natural_key)), tuple(skipped))


def explain_skipped(skipped: tuple[tuple[str, int], ...]) -> str:
    """Return "12 files were skipped: .heic (10), .txt (2)"."""
    n = sum(count for _, count in skipped)
    listed = ", ".join(f"{ending} ({count})" for ending, count in skipped[:8])
    more = f" and {len(skipped) - 8} other endings" if len(skipped) > 8 else ""
    return f"{n} file{' was' if n == 1 else 's were'} skipped: {listed}{more}"


def is_image_name(path: Path) -> bool:
    """Return whether the extension, in any case, is one of an image format."""
    return has_image_ending(path.name)


def has_image_ending(name: str) -> bool:
    """Return whether a file of that name is an image by its extension, in any case."""
    dot = name.rfind(".")
    return dot > 0 and name[dot:].lower() in EXTENSIONS


def is_manifest_name(path: Path) -> bool:
    """Return whether a file is named like a manifest."""
    return any(path.suffix.lower() in endings for endings in MANIFEST_LAYOUTS.values())


def find_manifest_layout(path: Path) -> str:
    """Return the layout of a file that `is_manifest_name` says yes to."""
    ending = path.suffix.lower()
    return next(layout for layout, endings in MANIFEST_LAYOUTS.items() if ending in endings)


def check_spreadsheet(path: Path) -> None:
    """Refuse a workbook, by its name or content; ManifestError."""
    is_workbook = path.suffix.lower() in _WORKBOOKS
    if not is_workbook and path.suffix.lower() in MANIFEST_LAYOUTS["csv"]:
        try:
            with path.open("rb") as file:
                is_workbook = file.read(4) in _WORKBOOK_STARTS
        except OSError:
            return  # said when it is read
    if is_workbook:
        raise ManifestError(
            f"{path} is a workbook, which is not read; save it as CSV "
            "(in Excel: File, Save As, CSV UTF-8) and give that file"
        )


def is_left_alone(name: str) -> bool:
    """Return whether a file or folder of that name is hidden, or the system's or an office program's own."""
    return name.startswith(_IGNORED_STARTS) or name.lower() in _IGNORED


def natural_key(path: PurePath) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Return a sort key by which numbers inside names count as numbers."""
    return tuple(_natural_part(part) for part in path.parts)


def _natural_part(part: str) -> tuple[tuple[int, int, str], ...]:
    pieces = re.split(r"([0-9]+)", part)
    key = [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p]
    # "01" and "1" count the same; the text decides, so that the order never depends on the disk.
    return (*key, (2, 0, part))


def walk_files(
    folder: Path,
    above: frozenset[tuple[int, int]] = frozenset(),
    *,
    skip: Callable[[str], bool] = lambda _: False,
) -> Iterator[Path]:
    """Yield every file under a folder as the system lists them; no list of them is ever held.

    Parameters
    ----------
    above : device and number of the folders it lies in, which links may lead back to
    skip : whether a folder of a name is passed over

    Raises
    ------
    DataError : a folder may not be entered.
    """
    try:
        status = folder.stat()
        here = (status.st_dev, status.st_ino)
        if here in above:  # a link that leads back up
            return
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_left_alone(entry.name):
                    continue
                path = folder / entry.name
                if path.is_dir():  # False for a link to itself, where entry.is_dir() raises
                    if not skip(entry.name):
                        yield from walk_files(path, above | {here}, skip=skip)
                elif not _is_special(path):
                    yield path
    except OSError as error:
        raise DataError(f"cannot look into {folder}: {error.strerror or error}") from error


def _is_special(path: Path) -> bool:
    """Whether it is a pipe, socket or device; a broken link is a file that cannot be read."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
