"""Ordered work on a few threads, with a bound on how far it runs ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from defectory.machine.cores import count_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


_at_most: ContextVar[int | None] = ContextVar("at_most_readers", default=None)


def count_readers() -> int:
    """Return how many images may be read at once: as many as there are cores, or as memory allows."""
    allowed = _at_most.get()
    return count_cores() if allowed is None else min(allowed, count_cores())


@contextmanager
def at_most_readers(n_readers: int | None) -> Iterator[None]:
    """Let no more images be read at once while the context lasts; None changes nothing."""
    token = _at_most.set(n_readers if n_readers is not None else _at_most.get())
    try:
        yield
    finally:
        _at_most.reset(token)


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
