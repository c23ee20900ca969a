"""Tokens: made, kept from run to run in a file that only its owner can read, and compared."""

import hmac
import os
import secrets
from pathlib import Path

from defectory.domain import ParameterError

_FEWEST_LETTERS, _MOST_LETTERS = 24, 512
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def new_token() -> str:
    """Return 256 bits that nobody guesses, as they may stand in a link."""
    return secrets.token_urlsafe(32)


def is_same(given: str, token: str) -> bool:
    """Return whether the two are the same, in a time that does not tell how much of it is."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def read_token(path: Path) -> str:
    """Return the token in a file, which is made with a new one where it is missing.

    Raises
    ------
    ParameterError : it cannot be read or made, others can read it, or what it holds is no good token.
    """
    try:
        _make_if_missing(path)
        with path.open("rb") as file:
            is_open = os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077
            content = file.read(_MOST_LETTERS + 2)
    except OSError as error:
        raise ParameterError(f"{path}: {error.strerror or error}") from error
    if is_open:
        raise ParameterError(f"{path}: others can read this token; run  chmod 600 {path}")
    token = content.decode("ascii", "replace").strip()
    if not _FEWEST_LETTERS <= len(token) <= _MOST_LETTERS or not set(token) <= _LETTERS:
        raise ParameterError(
            f"{path}: a token has {_FEWEST_LETTERS} letters or more, of A-Z, a-z, 0-9, - and _; remove the "
            "file to have a new one made"
        )
    return token


def _make_if_missing(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(new_token() + "\n")
