"""Ctrl-C and SIGTERM that are not lost: Python can swallow an exception in a waiting lock or a callback."""

import _thread
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# SIGHUP: the terminal was closed
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_came: list[int] = []
_IMPORT_WAIT_S = 0.02


@contextmanager
def remembered_interruption() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, and on signals that ask to end, and keep in mind which came."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach only the main thread
        return
    _came.clear()
    before = {number: signal.getsignal(number) for number in _ENDING}
    # a process that was started to ignore a signal (nohup) goes on ignoring it; Ctrl-C always counts
    caught = [n for n in _ENDING if before[n] != signal.SIG_IGN or n == signal.SIGINT]
    # what was installed by C could not be put back
    caught = [n for n in caught if before[n] is not None]
    for number in caught:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Give what tells whether Ctrl-C or a signal asked to end; the second one interrupts at once.

    Within `remembered_interruption`, whose signals it takes over for a while.
    """
    came: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if came:
            _interrupt(number, frame)
        came.append(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    taken = [number for number in _ENDING if before[number] is _interrupt]
    for number in taken:
        signal.signal(number, remember)
    try:
        yield lambda: bool(came)
    finally:
        for number in taken:
            signal.signal(number, before[number])


def was_interrupted() -> bool:
    """Return whether a signal came that asks the present command to end."""
    return bool(_came)


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt where a signal came and its exception went astray."""
    if was_interrupted():
        raise KeyboardInterrupt


def interruption_status() -> int:
    """Return the exit status that shells give to the signal that came: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + int(_came[0] if _came else signal.SIGINT)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    if _is_importing(frame):
        # an exception in a library that is being loaded can abort the process: ask again a little later
        again = threading.Timer(_IMPORT_WAIT_S, _thread.interrupt_main, (number,))
        again.daemon = True
        again.start()
        return
    raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
