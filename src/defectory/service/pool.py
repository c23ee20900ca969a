"""Work on images, a few on each core at a time, with a bound on how much waits and for how long."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from defectory.service.errors import ClientGoneError, RequestError, busy

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_TOGETHER = 16
"""Items that a thread works on at once: some detectors read their whole state for each call."""

# Of the time of the work before, for others to come; Triton calls it the delay of its dynamic batches.
_LINGER_SHARE, _MOST_LINGER_S = 0.1, 0.01
_OLD_SHARE = 0.9
"""Of the running mean of seconds an item, what is kept with each new one."""


@dataclass(eq=False)
class _Job(Generic[Item, Result]):
    """An item that waits, or is worked on."""

    kind: Hashable
    item: Item
    future: "Future[Result | Exception]"


class Pool(Generic[Item, Result]):
    """A few threads, and places to wait for them. `run` is called on the event loop.

    Parameters
    ----------
    work : does some items of one kind on a thread, and gives a result or an exception for each
    n_threads : that work
    n_waiting : items that may wait beyond one a thread
    deadline_s : in which the items of a request have to be done
    took : is told the seconds that each item took, on its thread
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        n_threads: int,
        n_waiting: int,
        deadline_s: float,
        took: Callable[[float], None],
    ) -> None:
        self.n_places = n_threads + n_waiting
        self.n_inside = 0
        self._work, self._took = work, took
        self._deadline_s = deadline_s
        self._mean_s = 0.0
        self._is_closed, self._n_working = False, 0
        self._waiting: deque[_Job[Item, Result]] = deque()
        self._changed = threading.Condition()
        names = [f"judge-{i}" for i in range(n_threads)]
        self._threads = [threading.Thread(target=self._do, name=name) for name in names]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        kind: Hashable,
        items: Sequence[Item],
        gone: Callable[[], Coroutine[None, None, None]],
    ) -> list[Result | Exception]:
        """Return what is made of each item, or the exception it raised, in order.

        Parameters
        ----------
        kind : items of one kind may be worked on together, those of other requests as well
        items : at least one
        gone : waits until nobody waits any longer for the results

        Raises
        ------
        RequestError : there are too few places (503), it takes too long (504), or nobody waits; what of it
            waits is dropped then.
        """
        if self.n_inside + len(items) > self.n_places:
            raise busy("Too many images wait already.", self.seconds_to_wait())
        jobs = self._submit(kind, items)
        everything = asyncio.gather(*(asyncio.wrap_future(job.future) for job in jobs))
        leaving = asyncio.ensure_future(gone())
        try:
            await asyncio.wait(
                (everything, leaving),
                timeout=self._deadline_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if everything.done():
                return list(everything.result())
            if leaving.done():
                raise ClientGoneError
            raise RequestError(
                504,
                f"The images were not judged within the {self._deadline_s:g} s that are allowed.",
            )
        finally:
            leaving.cancel()
            if not everything.done():
                everything.cancel()
                self._drop(jobs)

    def seconds_to_wait(self) -> int:
        """Return the seconds after which there may be room again, at least 1."""
        return max(1, math.ceil(self._mean_s * self.n_inside / len(self._threads)))

    def close(self) -> None:
        """Wait for what is in work and what waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _submit(self, kind: Hashable, items: Sequence[Item]) -> list[_Job[Item, Result]]:
        loop = asyncio.get_running_loop()

        def leave(_: "Future[Result | Exception]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave)

        jobs: list[_Job[Item, Result]] = [_Job(kind, item, Future()) for item in items]
        self.n_inside += len(jobs)
        for job in jobs:
            job.future.add_done_callback(leave)
        with self._changed:
            self._waiting.extend(jobs)
            self._changed.notify(len(jobs))
        return jobs

    def _leave(self) -> None:
        self.n_inside -= 1

    def _drop(self, jobs: Sequence[_Job[Item, Result]]) -> None:
        """Let go of what waits, with all that it holds."""
        dropped = set(map(id, jobs))
        with self._changed:
            self._waiting = deque(job for job in self._waiting if id(job) not in dropped)
        for job in jobs:
            job.future.cancel()

    def _do(self) -> None:
        took_s = 0.0
        while jobs := self._next(took_s):
            items = [job.item for job in jobs]
            started = time.perf_counter()
            try:
                results = self._work(items)
            except Exception as error:
                results = [error] * len(jobs)
            took_s = time.perf_counter() - started
            self._note(took_s / len(jobs), len(jobs))
            for job, result in zip(jobs, results, strict=True):
                job.future.set_result(result)
            with self._changed:
                self._n_working -= len(jobs)

    def _next(self, took_s: float) -> list[_Job[Item, Result]]:
        """Return what a thread works on next, its share of all there is; nothing where it is over.

        Parameters
        ----------
        took_s : of the thread's last work: for a small part of it, it waits for others to come
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if (
                    self._n_working and self._waiting
                ):  # whoever was just answered will send again at once
                    linger_s = min(_LINGER_SHARE * took_s, _MOST_LINGER_S)
                    self._changed.wait_for(lambda: len(self._waiting) >= self._share(), linger_s)
                jobs = self._take()
                if not jobs and self._is_closed:
                    return []
                jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
                self._n_working += len(jobs)
            if jobs:
                return jobs

    def _share(self) -> int:
        n_jobs = len(self._waiting) + self._n_working
        return min(MOST_TOGETHER, math.ceil(n_jobs / len(self._threads)))

    def _take(self) -> list[_Job[Item, Result]]:
        """Return the jobs that have waited longest, of one kind; none where none waits any longer."""
        share = self._share()
        jobs: list[_Job[Item, Result]] = []
        while self._waiting and len(jobs) < share:
            if jobs and self._waiting[0].kind != jobs[0].kind:
                break
            jobs.append(self._waiting.popleft())
        return jobs

    def _note(self, each_s: float, n_items: int) -> None:
        self._mean_s = _OLD_SHARE * self._mean_s + (1 - _OLD_SHARE) * each_s
        for _ in range(n_items):
            self._took(each_s)
