"""The service's log: one JSON object a line, on stderr."""

import contextlib
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec

Level = Literal["info", "warning", "error"]

_MOST_LETTERS = 2000


class Log:
    """Writes lines; threads may share it.

    Parameters
    ----------
    stream : to write to; None for stderr as it is when a line is written
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._turn = threading.Lock()

    def write(self, event: str, level: Level = "info", **facts: Any) -> None:
        """Write a line; where nobody reads it any longer, nothing.

        Parameters
        ----------
        event : what happened, in a word or two
        facts : JSON-ready; letters that are no text are spelled out
        """
        told = {"time": datetime.now(UTC).isoformat(), "level": level, "event": event}
        facts = {key: _readable(value) for key, value in facts.items() if value not in ("", None)}
        line = msgspec.json.encode({**told, **facts}).decode()
        stream = self._stream or sys.stderr
        with self._turn, contextlib.suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()

    def write_mistake(self, error: BaseException, **facts: Any) -> None:
        """Write a mistake of ours, with where it was made."""
        frames = traceback.format_exception(error)
        self.write("mistake", "error", error=repr(error), where="".join(frames), **facts)


def _readable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value[:_MOST_LETTERS].encode("utf-8", "backslashreplace").decode()
