"""How many cores this process may keep busy, as machine, container and user say; ordered work on them."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from pathlib import Path, PurePosixPath
from typing import TypeVar

from defectory.domain.errors import ParameterError

THREADS_VARIABLE = "DEFECTORY_THREADS"
"""Environment variable by which a user says how many cores to use."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_at_most: ContextVar[int | None] = ContextVar("at_most_cores", default=None)
_at_most_read: ContextVar[int | None] = ContextVar("at_most_readers", default=None)


def count_cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use, at least 1.

    What a caller allows (`at_most_cores`), else what `DEFECTORY_THREADS` says, else the cores that this
    process may run on, and of them no more than the quota of its container (a part of a core counts as one).

    Parameters
    ----------
    root : where `/proc` and `/sys` lie

    Raises
    ------
    ParameterError : `DEFECTORY_THREADS` is no positive number.
    """
    allowed = _at_most.get()
    if allowed is not None:
        return allowed
    told = os.environ.get(THREADS_VARIABLE, "").strip()
    if told:
        if not told.isdecimal() or int(told) < 1:
            raise ParameterError(f"{THREADS_VARIABLE} is {told!r}; give a number, 1 or more")
        return int(told)
    quota = _quota(root)
    return min(_runnable(), max(1, ceil(quota))) if quota is not None else _runnable()


@contextmanager
def at_most_cores(n_cores: int | None) -> Iterator[None]:
    """Let `count_cores` say this number while the context lasts; None changes nothing.

    Raises
    ------
    ParameterError : the number is below 1.
    """
    if n_cores is None:
        yield
        return
    if n_cores < 1:
        raise ParameterError(f"{n_cores} threads were asked for; give 1 or more")
    token = _at_most.set(n_cores)
    try:
        yield
    finally:
        _at_most.reset(token)


def count_readers() -> int:
    """Return how many images may be read at once: as many as there are cores, or as memory allows."""
    allowed = _at_most_read.get()
    return count_cores() if allowed is None else min(allowed, count_cores())


@contextmanager
def at_most_readers(n_readers: int | None) -> Iterator[None]:
    """Let no more images be read at once while the context lasts; None changes nothing."""
    token = _at_most_read.set(n_readers if n_readers is not None else _at_most_read.get())
    try:
        yield
    finally:
        _at_most_read.reset(token)


def map_ordered(
    work: Callable[[Item], Result], items: Iterable[Item], n_threads: int
) -> Generator[Result, None, None]:
    """Yield work(item) in the order of the items; at most 2 n_threads results wait in memory.

    The first error stops the work and is raised where its result would have come.
    """
    if n_threads <= 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(n_threads)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _runnable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(root: Path) -> float | None:
    """Return the cores that control groups leave this process, None for no limit.

    Groups are nested, and the tightest counts. Inside a container the path that the kernel tells may be the
    host's; what is mounted at the top is the container's own group then.
    """
    found = []
    for controllers, path in _groups(root):
        if controllers == "":
            top, read = root / "sys/fs/cgroup", _read_v2
        elif "cpu" in controllers.split(","):
            names = (controllers, "cpu")
            tops = [root / "sys/fs/cgroup" / name for name in names]
            top, read = next((t for t in tops if t.is_dir()), tops[0]), _read_v1
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        found += [read(top / folder) for folder in (inner, *inner.parents)]
    return min((quota for quota in found if quota is not None), default=None)


def _groups(root: Path) -> Iterator[tuple[str, str]]:
    """Yield controllers ("" for version 2) and path of each control group of this process."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        parts = line.split(":", 2)
        if len(parts) == 3 and ".." not in parts[2]:
            yield parts[1], parts[2]


def _read_v2(group: Path) -> float | None:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _read_v1(group: Path) -> float | None:
    try:
        quota = int((group / "cpu.cfs_quota_us").read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
