"""Files that several processes may write at once, on one machine or many: always one of them, whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from defectory.storage.leftovers import make_part, remove, remove_leftovers
from defectory.storage.renames import sync_file, sync_folder


@contextmanager
def shared_file(path: Path) -> Iterator[Path]:
    """Give a temporary path that takes the place of `path` on success and vanishes on failure.

    Whatever is there is replaced: of several writers the last one stays. What killed processes have left of
    this file is removed. OSError as it comes.
    """
    remove_leftovers(path)
    part, lock = make_part(path, is_folder=False)
    try:
        yield part
        sync_file(part)
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        remove(part)
        raise
    finally:
        lock.release()
