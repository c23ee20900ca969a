"""Work on images, one a core at a time, with a bound on how much waits and for how long."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from defectory.service.errors import ClientGoneError, RequestError, busy

Result = TypeVar("Result")

_OLD_SHARE = 0.9
"""Of the running mean of seconds an image, what is kept with each new one."""


class _Job(Generic[Result]):
    """Work that can be dropped while it waits, with all that it holds."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work: Callable[[], Result] | None = work

    def __call__(self) -> Result:
        work, self._work = self._work, None
        if work is None:
            raise asyncio.CancelledError
        return work()

    def drop(self) -> None:
        self._work = None


class Pool:
    """A few threads, and places to wait for them. Its methods are called on the event loop.

    Parameters
    ----------
    n_threads : images in work at once
    n_waiting : images that may wait beyond them
    deadline_s : in which the work of a request has to be done
    took : is told the seconds that each image took, on its thread
    """

    def __init__(
        self, n_threads: int, n_waiting: int, deadline_s: float, took: Callable[[float], None]
    ) -> None:
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="judge")
        self._n_threads = n_threads
        self.n_places = n_threads + n_waiting
        self.n_inside = 0
        self._deadline_s = deadline_s
        self._took = took
        self._mean_s = 0.0

    async def run(
        self, works: Sequence[Callable[[], Result]], gone: Callable[[], Coroutine[None, None, None]]
    ) -> list[Result | Exception]:
        """Return what each work gives, or the exception it raised, in order.

        Parameters
        ----------
        works : each is done on a thread, alone
        gone : waits until nobody waits any longer for the results

        Raises
        ------
        RequestError : there are too few places (503), it takes too long (504), or nobody waits; what of it
            waits is dropped then.
        """
        if self.n_inside + len(works) > self.n_places:
            raise busy("Too many images wait already.", self.seconds_to_wait())
        jobs = [_Job(work) for work in works]
        futures = [self._submit(job) for job in jobs]
        everything = asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        leaving = asyncio.ensure_future(gone())
        try:
            await asyncio.wait(
                (everything, leaving),
                timeout=self._deadline_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if everything.done():
                return [_checked(each) for each in everything.result()]
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
                for job in jobs:
                    job.drop()

    def seconds_to_wait(self) -> int:
        """Return the seconds after which there may be room again, at least 1."""
        return max(1, math.ceil(self._mean_s * self.n_inside / self._n_threads))

    def close(self) -> None:
        """Wait for what is in work, and drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, job: _Job[Result]) -> "Future[Result]":
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._timed, job)
        self.n_inside += 1

        def leave(_: "Future[Result]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave)

        future.add_done_callback(leave)
        return future

    def _leave(self) -> None:
        self.n_inside -= 1

    def _timed(self, job: _Job[Result]) -> Result:
        started = time.perf_counter()
        try:
            return job()
        finally:
            took = time.perf_counter() - started
            self._mean_s = _OLD_SHARE * self._mean_s + (1 - _OLD_SHARE) * took
            self._took(took)


def _checked(result: Result | BaseException) -> Result | Exception:
    if isinstance(result, BaseException) and not isinstance(result, Exception):
        raise result
    return result
