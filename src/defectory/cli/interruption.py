"""Ctrl-C that is not lost: Python can swallow the exception in a waiting lock, a callback or a finalizer."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_pressed = threading.Event()


@contextmanager
def remembered_interruption() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C as usual, and keep in mind that it was pressed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals reach only the main thread
        return
    _pressed.clear()
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt where Ctrl-C was pressed and its exception went astray."""
    if _pressed.is_set():
        raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    signal.default_int_handler(number, frame)
