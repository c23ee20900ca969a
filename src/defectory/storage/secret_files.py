"""Files that hold a secret: made where they are missing, for their owner alone, and read no other way."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from defectory.domain import ParameterError


def read_secret_file(path: Path, make: Callable[[], str], *, what: str, most_bytes: int) -> str:
    """Return the text of a file, without the blanks around it; one that is missing is made.

    Parameters
    ----------
    path : may be missing
    make : returns a new secret
    what : it is, for messages
    most_bytes : that are read; longer files are cut off

    Raises
    ------
    ParameterError : it cannot be read or made, or others can read it.
    """
    try:
        _make_if_missing(path, make)
        with path.open("rb") as file:
            is_open = os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077
            content = file.read(most_bytes)
    except OSError as error:
        raise ParameterError(f"{path}: {error.strerror or error}") from error
    if is_open:
        todo = shlex.join(("chmod", "600", str(path)))
        raise ParameterError(f"{path}: others can read this {what}; run  {todo}")
    return content.decode("ascii", "replace").strip()


def _make_if_missing(path: Path, make: Callable[[], str]) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(make() + "\n")
