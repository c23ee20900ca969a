"""Signatures of the Standard Webhooks convention (standardwebhooks.com): who has the secret wrote it."""

import base64
import binascii
import hashlib
import hmac
import secrets
from pathlib import Path

from defectory.domain import ParameterError
from defectory.storage.secret_files import read_secret_file

_PREFIX = "whsec_"
_N_BYTES = 32
_FEWEST_BYTES, _MOST_BYTES = 24, 64  # as the convention has it
_MOST_LETTERS = 256


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that a receiver checks.

    Parameters
    ----------
    key : see `read_secret`
    message_id : the same whenever the message is sent again, so that a receiver can tell
    timestamp : of this try, seconds since 1970; receivers refuse old ones
    body : as it is sent
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def read_secret(path: Path) -> bytes:
    """Return the key in a file, `whsec_` and base64; the file is made with a new one where it is missing.

    Raises
    ------
    ParameterError : it cannot be read or made, others can read it, or what it holds is no secret.
    """
    text = read_secret_file(path, _new_secret, what="secret", most_bytes=_MOST_LETTERS)
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise ParameterError(
            f"{path}: a secret is {_PREFIX} and the base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes; remove "
            "the file to have a new one made"
        )
    return key


def _new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_N_BYTES)).decode()
