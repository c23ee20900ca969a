"""How a command ends when something goes wrong: what it says, and Ctrl-C and SIGTERM that are not lost.

Python can swallow an exception in a waiting lock or a callback.
"""

import _thread
import codecs
import io
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from defectory.cli.text import one_line

Command = TypeVar("Command", bound=Callable[..., Any])

# SIGHUP: the terminal was closed
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_came: list[int] = []
_IMPORT_WAIT_S = 0.02


def plain_errors(command: Command) -> Command:
    """Turn errors that a user can act on into one line and exit status 1 (130 on Ctrl-C, 143 on SIGTERM)."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _take_any_name()
        try:
            with remembered_interruption():
                return command(*args, **kwargs)
        except KeyboardInterrupt as error:
            _say_interrupted(error)
        except Exception as error:
            # Python 3.11 can lose Ctrl-C in a waiting lock, and complain of the lock; an extension that is
            # interrupted while it loads, of its loading
            if was_interrupted() or isinstance(error.__context__, KeyboardInterrupt):
                _say_interrupted(error)
            _explain(error)
            raise

    return guarded  # type: ignore[return-value]


def _take_any_name() -> None:
    """Let every name of a file be printed, whatever the terminal's letters are."""
    codecs.register_error("defectory", _spell)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="defectory")


def _spell(error: UnicodeError) -> tuple[bytes, int]:
    """Return bytes that are no text as they are, as ls does, and letters that a terminal lacks by number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    spelled = (
        bytes([ord(c) - 0xDC00])
        if "\udc80" <= c <= "\udcff"
        else c.encode("ascii", "backslashreplace")
        for c in letters
    )
    return b"".join(spelled), error.end


def _explain(error: Exception) -> None:
    """Say what a user can act on, and end; return where it is for us to see."""
    from defectory.domain import DefectoryError, ImageReadError

    context = click.get_current_context(silent=True)
    could_skip = context is not None and context.params.get("skip_unreadable") is False
    if could_skip and isinstance(error, ImageReadError):
        error.add_note(
            "repair or remove that file (defectory inspect --json lists all that cannot be read), or give "
            "--skip-unreadable to leave such files out"
        )
    if isinstance(error, DefectoryError):
        _fail(error)
    if isinstance(error, MemoryError):
        _fail(error, "out of memory; choose a smaller --size")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        _fail(error, f"{where}{error.strerror or error}")


def _say_interrupted(error: BaseException) -> NoReturn:
    _fail(error, "interrupted; nothing was half-written", interruption_status())


def _fail(error: BaseException, text: str = "", status: int = 1) -> NoReturn:
    """Say in one line what happened and what was noted of it on the way, and end.

    The problems of a manifest follow, a line each.
    """
    what = text or getattr(error, "headline", str(error))
    said = "; ".join((what, *getattr(error, "__notes__", ())))
    click.echo(f"defectory: {one_line(said)}", err=True)
    for problem in getattr(error, "problems", ()):
        click.echo(f"  {one_line(problem)}", err=True)
    sys.exit(status)


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
