"""Renames that are atomic, data that is on the disk when they happen, and signals that wait meanwhile.

A file system swaps two names in one step where the system offers it (Linux `renameat2`, macOS `renamex_np`);
Python has no name for these calls. Elsewhere `exchange` says no, and its callers do with two renames.

Ctrl-C and SIGTERM wait while outputs take their places: between two renames is no place to stop. Nor is it
where something was made that nobody has noted down yet, to be removed again.
"""

import errno
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]

_AT_FDCWD = -100
_LINUX = {"new": 1, "swap": 2}  # RENAME_NOREPLACE, RENAME_EXCHANGE
_MACOS = {"new": 4, "swap": 2}  # RENAME_EXCL, RENAME_SWAP
# EPERM: old container runtimes refuse system calls that they do not know
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EOPNOTSUPP}
# some file systems (network, FUSE) cannot sync a folder, or anything
_NOT_SYNCED = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR, errno.EPERM}


def exchange(one: Path, other: Path) -> bool:
    """Swap what two paths name, in one step; False, and nothing done, where that is not possible here."""
    return _rename(one, other, "swap")


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder to a name that is free; FileExistsError where it is not."""
    if _rename(source, target, "new"):
        return
    if source.is_file() and _link(source, target):
        source.unlink()
        return
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def sync_file(path: Path) -> None:
    """Return when the content of a file is on the disk."""
    _sync(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Return when the names in a folder are on the disk; Windows does that by itself."""
    if os.name != "nt":
        _sync(path, os.O_RDONLY)


@contextmanager
def held_signals() -> Iterator[None]:
    """Hold signals that would end the process until the block is done; then they do what they would."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread only
        return
    held: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    # None: installed outside of Python, and could not be put back
    before = {n: known for n, known in before.items() if known not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)
        if held:
            signal.raise_signal(held[0])


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NOT_SYNCED:
            raise
    finally:
        os.close(handle)


def _link(source: Path, target: Path) -> bool:
    """Give a file a second name; False where the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        return False
    return True


def _rename(source: Path, target: Path, how: str) -> bool:
    call = _system_call()
    if call is None:
        return False
    code = call(os.fsencode(source), os.fsencode(target), how)
    if code in _UNSUPPORTED:
        return False
    if code:
        raise OSError(code, os.strerror(code), str(target))
    return True


@functools.cache
def _system_call() -> Callable[[bytes, bytes, str], int] | None:
    """Return a function from two names and "new" or "swap" to an error number; None without one."""
    if sys.platform not in ("linux", "darwin"):
        return None
    import ctypes  # a start of the command line should not wait for it

    library = ctypes.CDLL(None, use_errno=True)
    name = "renameat2" if sys.platform == "linux" else "renamex_np"
    function = getattr(library, name, None)
    if function is None:
        return None

    def call(source: bytes, target: bytes, how: str) -> int:
        if sys.platform == "linux":
            status = function(_AT_FDCWD, source, _AT_FDCWD, target, _LINUX[how])
        else:
            status = function(source, target, _MACOS[how])
        return ctypes.get_errno() if status else 0

    return call
