"""A limit of time for networks that nobody has seen run yet."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class TimeLimit:
    """Seconds that networks may take, and what stops them.

    Attributes
    ----------
    is_over : set where the limit was reached
    """

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def when_over(self, stop: Callable[[], None]) -> None:
        """Have this called when the limit is reached; at once where it was."""
        with self._lock:
            if not self.is_over.is_set():
                self._stops.append(stop)
                return
        stop()

    def end(self) -> None:
        """Reach the limit."""
        with self._lock:
            self.is_over.set()
        for stop in self._stops:
            stop()


_in_force: ContextVar[TimeLimit | None] = ContextVar("time_limit_in_force", default=None)


def limit_in_force() -> TimeLimit | None:
    """Return the limit of networks that are opened here and now."""
    return _in_force.get()


@contextmanager
def time_limit(limit_s: float) -> Iterator[threading.Event]:
    """Stop networks that are opened within, should they run within, after so many seconds.

    A stopped run raises BundleError, at the next operator.

    Returns
    -------
    an event that is set where the limit was reached
    """
    limit = TimeLimit()
    timer = threading.Timer(limit_s, limit.end)
    timer.daemon = True
    token = _in_force.set(limit)
    timer.start()
    try:
        yield limit.is_over
    finally:
        timer.cancel()
        _in_force.reset(token)
