"""Objects as files on this machine for a while, fetched while those before them are in work."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from defectory.machine import map_ordered
from defectory.remote.copies import N_AT_ONCE, make_copies_folder
from defectory.remote.paths import RemotePath
from defectory.storage.leftovers import make_part, remove, remove_leftovers

_STAGED = "staged"


@contextmanager
def fetched_ahead(paths: Iterable[RemotePath]) -> Iterator[Iterator[tuple[Path, OSError | None]]]:
    """Give the file of each object in order, or why there is none; who takes it removes it.

    At most `2 * N_AT_ONCE` wait. What a killed process has left is removed.
    """
    target = make_copies_folder() / _STAGED
    remove_leftovers(target)
    folder, lock = make_part(target, is_folder=True)

    def fetch(item: tuple[int, RemotePath]) -> tuple[Path, OSError | None]:
        number, path = item
        file = folder / str(number)
        try:
            path.fetch(file)
        except OSError as error:
            file.unlink(missing_ok=True)
            return file, error
        return file, None

    ahead = map_ordered(fetch, enumerate(paths), N_AT_ONCE)
    try:
        yield ahead
    finally:
        ahead.close()
        remove(folder)
        lock.release()
