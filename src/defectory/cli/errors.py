"""What a command says when something goes wrong."""

import codecs
import io
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from defectory.cli.interruption import (
    interruption_status,
    remembered_interruption,
    was_interrupted,
)
from defectory.cli.text import one_line

Command = TypeVar("Command", bound=Callable[..., Any])


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
    from defectory.domain import DefectoryError

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
