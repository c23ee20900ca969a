"""Paths as callers give them."""

import os
from pathlib import Path

from defectory.domain import ParameterError

AnyPath = str | os.PathLike[str]


def as_path(given: AnyPath, name: str) -> Path:
    """Return a path; `~` is the home folder where no file is called so.

    Raises
    ------
    ParameterError : it is empty, which would mean the folder one is in.
    TypeError : it is no path.
    """
    text = os.fspath(given)
    if not text.strip():
        raise ParameterError(f"{name} is an empty path; give '.' for the folder you are in")
    if text.startswith("~") and not os.path.lexists(text):
        text = os.path.expanduser(text)  # noqa: PTH111 (of an unknown user it stays)
    return Path(text)


def as_optional_path(given: AnyPath | None, name: str) -> Path | None:
    """Return a path, or None for None; ParameterError if it is neither."""
    if given is None:
        return None
    try:
        return as_path(given, name)
    except TypeError as error:
        raise ParameterError(f"{name} is {given!r}; give the path of a file") from error
