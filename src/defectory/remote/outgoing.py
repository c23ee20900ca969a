"""Files for a store: written on this machine as all outputs are, then put there, one whole object each."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from defectory.domain import OutputError
from defectory.remote.copies import fetch_copies, note_written, place_of
from defectory.remote.paths import Place
from defectory.storage.outputs import cannot_write


@contextmanager
def outgoing(folder: Place, names: Sequence[str]) -> Iterator[Path]:
    """Give the folder in which files of these names are written; a folder of this machine is that itself.

    What the store holds under the names lies there, so that it is known whose it is. On success files
    that are there are put into the store, in the order of the names, and others are removed from it.

    Raises
    ------
    OutputError : the store does not take a file; those before it are there.
    DataError : it does not say what it holds.
    """
    if isinstance(folder, Path):
        yield folder
        return
    place = place_of(folder)
    if place is None:
        raise OutputError(f"cannot write {folder}: a file system takes no such name")
    paths = {name: folder / name for name in names}
    try:
        folder.check_writable()  # said before the work, not after it
    except OSError as error:
        raise cannot_write(folder, error) from error
    fetch_copies(list(paths.values()), None)
    place.mkdir(parents=True, exist_ok=True)
    before = {name: _state(place / name) for name in names}
    yield place
    for name, path in paths.items():
        state = _state(place / name)
        try:
            if state is None and before[name] is not None:
                path.unlink(missing_ok=True)
            elif state != before[name]:
                path.put(place / name)
                note_written(path)
        except OSError as error:
            error.add_note("it is kept below remote/ of the cache folder (see `defectory cache`)")
            raise cannot_write(path, error) from error


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
