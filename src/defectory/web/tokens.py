"""Tokens: made, kept from run to run in a file that only its owner can read, and compared."""

import hmac
import secrets
from pathlib import Path

from defectory.domain import ParameterError
from defectory.storage.secret_files import read_secret_file

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
    token = read_secret_file(path, new_token, what="token", most_bytes=_MOST_LETTERS + 2)
    if not _FEWEST_LETTERS <= len(token) <= _MOST_LETTERS or not set(token) <= _LETTERS:
        raise ParameterError(
            f"{path}: a token has {_FEWEST_LETTERS} letters or more, of A-Z, a-z, 0-9, - and _; remove the "
            "file to have a new one made"
        )
    return token
