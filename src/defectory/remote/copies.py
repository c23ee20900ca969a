"""Copies of objects in the cache folder, each below its address: s3://bucket/a.png in remote/s3/bucket/a.png.

A place tells its address and the other way round, in any process, so that messages and lists can name what a
person knows.
"""

import posixpath
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from defectory.domain import DataError, Progress
from defectory.machine import map_ordered
from defectory.machine.cache_folder import user_cache_folder
from defectory.remote.paths import RemotePath
from defectory.remote.stores import Found
from defectory.storage.whole_files import whole_file

FOLDER = "remote"
N_AT_ONCE = 32
"""Objects that are fetched or looked up at once."""

_VERSIONS = "versions.sqlite"
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*\\]')
_MAX_NAME_BYTES = 200


def copies_folder() -> Path:
    """Return where copies lie; it need not exist."""
    return user_cache_folder() / FOLDER


def make_copies_folder() -> Path:
    """Make it, for its owner alone: lists may hold addresses with signatures."""
    folder = copies_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def place_of(path: RemotePath) -> Path | None:
    """Return where the copy of an object lies or would; None where no file may be named so."""
    parts = path.address.place.split("/")
    host = parts[0].replace(":", "_")
    if any(not _is_safe(part) for part in (host, *parts[1:])):
        return None
    return copies_folder().joinpath(path.address.scheme, host, *parts[1:])


def address_of(place: Path) -> str | None:
    """Return the address that a place holds the copy of; None where it is no copy."""
    told = told_remote(str(place.absolute()))
    return told if told != str(place.absolute()) else None


def told_remote(text: str) -> str:
    """Return a text with the addresses of copies in place of where they lie."""
    folder = str(copies_folder()).replace("\\", "/")
    if folder not in text.replace("\\", "/"):
        return text
    pattern = re.escape(folder) + r"/([a-z][a-z0-9+.-]+)/([^\s/]*)"
    return re.sub(pattern, lambda m: f"{m[1]}://{_host(m[1], m[2])}", text.replace("\\", "/"))


def fetch_copy(path: RemotePath) -> Path:
    """Return the copy of one object, fetched where it is not there or has changed; DataError."""
    fetch_copies([path], None)
    place = place_of(path)
    if place is None or not place.is_file():
        raise DataError(f"no such file or folder: {path}")
    return place


def fetch_copies(
    paths: Sequence[RemotePath],
    progress: Progress | None,
    found: Sequence[Found] | None = None,
) -> None:
    """Copy objects that are not there yet or have changed; those that are missing are left out.

    What was fetched stays, whatever comes after.

    Parameters
    ----------
    found : what the store said of each; None: it is asked

    Raises
    ------
    DataError : one may not be read, the store does not answer, or addresses differ in their query only.
    """
    _refuse_namesakes(paths)
    if progress is not None:
        progress.start("fetching", len(paths))
    states = found if found is not None else [None] * len(paths)
    with _opened_versions() as versions:

        def known(path: RemotePath) -> str | None:
            row = versions.execute("select version from versions where address = ?", (str(path),))
            return next((version for (version,) in row), None)

        items = ((path, state, known(path)) for path, state in zip(paths, states, strict=True))
        for path, version in zip(
            paths, map_ordered(lambda item: _bring(*item), items, N_AT_ONCE), strict=True
        ):
            if version is None:
                versions.execute("delete from versions where address = ?", (str(path),))
            else:
                versions.execute("replace into versions values (?, ?)", (str(path), version))
            if progress is not None:
                progress.advance()


def mirror(
    folder: RemotePath, is_wanted: Callable[[str], bool], progress: Progress | None
) -> tuple[Path, int]:
    """Return the copy of a folder, made anew where something has changed, and how many objects it lacks.

    Parameters
    ----------
    is_wanted : whether an object of this name is fetched

    Raises
    ------
    DataError : see `fetch_copies`; there is nothing, or it may not be listed.
    """
    place = place_of(folder)
    if place is None:
        raise DataError(f"cannot copy {folder}: a file system takes no such name")
    paths, found, n_left_out = [], [], 0
    with _told(folder):
        for name, state in folder.walk():
            path = folder / name
            at = place_of(path)
            if is_wanted(name) and at is not None and posixpath.normpath(name) == name:
                paths.append(path)
                found.append(state)
            else:
                n_left_out += 1
    if not paths:
        raise DataError(f"there are no images in {folder}, or no such folder")
    fetch_copies(paths, progress, found)
    there = {place_of(path) for path in paths}
    for file in list(place.rglob("*")):
        is_of_it = file not in there and is_wanted(file.relative_to(place).as_posix())
        if is_of_it and file.is_file():  # gone in the store
            file.unlink(missing_ok=True)
    return place, n_left_out


def note_written(path: RemotePath) -> None:
    """Say that the copy of an object is what was just written to the store."""
    with suppress(OSError), _opened_versions() as versions:
        values = (str(path), path.look_up().version)
        versions.execute("replace into versions values (?, ?)", values)


def _bring(path: RemotePath, state: Found | None, known: str | None) -> str | None:
    """Return the version of the copy that is there now; None where the store has no such object."""
    place = place_of(path)
    if place is None:
        return None
    try:
        state = state or path.look_up()
        if state.version != known or not _is_there(place, state):
            with whole_file(place) as part:
                path.fetch(part)
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise DataError(f"cannot keep a copy of {path}: {error.strerror}") from error
        place.unlink(missing_ok=True)
        return None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    return state.version


def _is_there(place: Path, state: Found) -> bool:
    try:
        return state.n_bytes is None or place.stat().st_size == state.n_bytes
    except OSError:
        return False


def _refuse_namesakes(paths: Sequence[RemotePath]) -> None:
    full: dict[str, str] = {}
    for path in paths:
        if full.setdefault(str(path), path.address.full) != path.address.full:
            raise DataError(
                f"{path} is listed with two queries; images are known by what is before the question mark"
            )


@contextmanager
def _opened_versions() -> Iterator[sqlite3.Connection]:
    folder = make_copies_folder()
    try:
        connection = sqlite3.connect(folder / _VERSIONS, timeout=60, isolation_level=None)
        with closing(connection) as versions:
            versions.execute("pragma synchronous=off")  # what is lost is fetched again
            versions.execute("create table if not exists versions (address primary key, version)")
            yield versions
    except sqlite3.Error as error:
        raise DataError(
            f"cannot keep copies in {folder}: {error}; try  defectory cache clear --kind remote"
        ) from error


@contextmanager
def _told(path: RemotePath) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _is_safe(part: str) -> bool:
    return (
        part.strip(". ") != ""
        and not _UNSAFE.search(part)
        and len(part.encode("utf-8", "surrogatepass")) <= _MAX_NAME_BYTES
    )


def _host(scheme: str, host: str) -> str:
    return re.sub(r"_(\d+)$", r":\1", host) if scheme.startswith("http") else host
