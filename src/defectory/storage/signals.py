"""Ctrl-C and SIGTERM wait while outputs take their places: between two renames is no place to stop.

Nor is it where something was made that nobody has noted down yet, to be removed again.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


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
