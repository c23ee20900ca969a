"""Temporary names beside an output, and what killed processes have left under them.

`out` is written as `.out.<16 hex digits>.part`. Whoever writes it holds a lock on it, which the system
lets go when the process ends, however it ends: a part that can be locked belongs to nobody any more.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from defectory.storage.renames import rename_new

if sys.platform != "win32":
    import fcntl

_PART, _OLD = ".part", ".old"
_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.part", re.DOTALL)
_MAX_NAME_BYTES = 200
_MAX_TRIES = 100


class Lock:
    """A lock on a file or folder that ends with the process.

    Attributes
    ----------
    is_exclusive : False where the file system has no locks, and this one tells nobody anything
    """

    def __init__(self, handle: int | None) -> None:
        self._handle = handle
        self.is_exclusive = handle is not None

    def release(self) -> None:
        """Let it go; once more does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def take_lock(path: Path) -> Lock | None:
    """Return the lock on what a path names now; None where another process holds it or it is gone."""
    if sys.platform == "win32":  # a file that is held open could not be renamed there
        return Lock(None)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:  # no locks here
        os.close(handle)
        return Lock(None)
    if not _is_same(handle, path):
        os.close(handle)
        return None
    return Lock(handle)


def make_part(target: Path, *, is_folder: bool) -> tuple[Path, Lock]:
    """Make a temporary file or folder beside an output, locked; its permissions are the user's usual ones."""
    for _ in range(_MAX_TRIES):
        part = _beside(target, _PART)
        if is_folder:
            part.mkdir()
        else:
            part.touch(exist_ok=False)
        lock = take_lock(part)
        if lock is not None:
            return part, lock
        remove(part)  # another process took it for a leftover between the two steps
    raise OSError(f"no temporary name beside {target} stays")


def name_for_old(target: Path) -> Path:
    """Return a name for what an output replaces, where two renames have to do."""
    return _beside(target, _OLD)


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes have left beside an output; what a living one writes stays."""
    for path in [*_found(target, _PART), *_found(target, _OLD)]:
        lock = take_lock(path)
        if lock is not None:
            if lock.is_exclusive:
                remove(path)
            lock.release()


def remove_leftovers_in(folder: Path) -> None:
    """Remove what killed processes have left of any output in a folder; what a living one writes stays."""
    names = {_left_of(name) for name in os.listdir(folder)} - {None}  # noqa: PTH208 names are enough
    for name in names:
        remove_leftovers(folder / str(name))


def recover(target: Path) -> None:
    """Put back what was moved away for a new output by a process that was killed before that came."""
    if os.path.lexists(target):
        return
    for path in _found(target, _OLD):
        lock = take_lock(path)
        if lock is not None:
            with contextlib.suppress(FileExistsError):
                rename_new(path, target)
            lock.release()


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, as far as that goes; a link is not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def short_name(target: Path) -> str:
    """Return the name of an output, or its hash where nothing more could be appended to it."""
    if len(os.fsencode(target.name)) <= _MAX_NAME_BYTES:
        return target.name
    return hashlib.sha256(os.fsencode(target.name)).hexdigest()[:32]


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(f".{short_name(target)}.{secrets.token_hex(8)}{ending}")


def _found(target: Path, ending: str) -> Iterator[Path]:
    pattern = re.compile(
        rf"\.{re.escape(short_name(target))}\.[0-9a-f]{{16}}{re.escape(ending)}", re.DOTALL
    )
    with contextlib.suppress(OSError), os.scandir(target.parent) as entries:
        for entry in list(entries):
            if pattern.fullmatch(entry.name):
                yield target.with_name(entry.name)


def _left_of(name: str) -> str | None:
    """Return the name of the output that a temporary name is beside; None where it is no such name."""
    match = _TEMPORARY.fullmatch(name)
    return match[1] if match else None


def _is_same(handle: int, path: Path) -> bool:
    try:
        here, there = os.fstat(handle), path.lstat()
    except OSError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
