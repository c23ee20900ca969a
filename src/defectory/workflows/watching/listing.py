"""What lies in the watched folder now."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from defectory.sources.files import has_image_ending, is_left_alone


class FileState(NamedTuple):
    """What tells, without reading, that a file is as it was. Some network disks make numbers of files up."""

    n_bytes: int
    modified_ns: int
    changed_ns: int


@dataclass(frozen=True)
class Listing:
    """The image files under a folder.

    Attributes
    ----------
    files : name, relative to the folder with forward slashes -> state
    problems : folders below that could not be looked into, one line each
    """

    files: dict[str, FileState]
    problems: tuple[str, ...]


def state_of(path: Path) -> FileState:
    """Return the state of a file; OSError as it comes."""
    return _state(path.stat())


def list_images(folder: Path) -> Listing:
    """Return what lies in a folder, at any depth; hidden and system files and other endings are left alone.

    Raises
    ------
    OSError : the folder itself cannot be looked into.
    """
    problems: list[str] = []
    files = dict(_walk(folder, "", frozenset(), problems))
    return Listing(files, tuple(problems))


def _walk(
    folder: Path, above: str, parents: frozenset[tuple[int, int]], problems: list[str]
) -> Iterator[tuple[str, FileState]]:
    status = folder.stat()
    here = (status.st_dev, status.st_ino)
    if here in parents:  # a link that leads back up
        return
    with os.scandir(folder) as entries:
        listed = [entry for entry in entries if not is_left_alone(entry.name)]
    for entry in listed:
        try:
            if entry.is_dir():
                below = f"{above}{entry.name}/"
                yield from _walk(folder / entry.name, below, parents | {here}, problems)
            elif has_image_ending(entry.name):
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield above + entry.name, _state(status)
        except FileNotFoundError:  # it went meanwhile, or is a link that leads nowhere
            continue
        except OSError as error:
            problems.append(f"cannot look into {folder / entry.name}: {error.strerror or error}")


def _state(status: os.stat_result) -> FileState:
    return FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
