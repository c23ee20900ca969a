"""What a store is asked, again where it was only busy; and what it says, as the system would."""

import errno
import random
import time
from collections.abc import Callable
from typing import TypeVar

from defectory.domain.errors import DefectoryError, one_line
from defectory.remote.addresses import Address, without_secrets

Answer = TypeVar("Answer")

NO_CREDENTIALS = "no credentials were found"
N_TRIES = 6
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 20.0

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_BUSY_ERRNOS = frozenset(
    {errno.EBUSY, errno.EIO, errno.EAGAIN, errno.EPIPE, errno.ECONNRESET, errno.ECONNREFUSED}
)
# Of botocore, aiohttp and azure, by name: none of them need be there.
_BUSY_NAMES = frozenset(
    {
        "HTTPClientError",
        "ConnectionError",
        "ClientConnectionError",
        "ClientPayloadError",
        "ServiceRequestError",
        "ServiceResponseError",
        "IncompleteRead",
        "ResponseParserError",
    }
)
_NO_CREDENTIALS = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "TokenRetrievalError",
        "DefaultCredentialsError",
        "ClientAuthenticationError",
        "ProfileNotFound",
    }
)


def ask(address: Address, question: Callable[[], Answer]) -> Answer:
    """Return what a store answers; where it is throttled, slow or cut off it is asked again, later and later.

    Raises
    ------
    OSError : FileNotFoundError, PermissionError or another, whose `strerror` is one line without secrets.
    """
    for n_tried in range(1, N_TRIES + 1):
        try:
            return question()
        except DefectoryError:
            raise
        except Exception as error:
            if n_tried == N_TRIES or not is_transient(error):
                raise as_system_error(error, address) from error
        # drawn at random, so that many machines do not all come back at once
        longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (n_tried - 1))
        time.sleep(random.uniform(longest / 4, longest))
    raise AssertionError


def is_transient(error: BaseException) -> bool:
    """Return whether the same question may have another answer in a while."""
    status = _status(error)
    if status is not None:
        return status in _BUSY
    if isinstance(
        error, FileNotFoundError | PermissionError
    ):  # as clients say what they did not find out
        return error.__cause__ is not None and is_transient(error.__cause__)
    if isinstance(error, TimeoutError | ConnectionError) or _names(error) & _BUSY_NAMES:
        return True
    return isinstance(error, OSError) and error.errno in _BUSY_ERRNOS


def as_system_error(error: Exception, address: Address) -> OSError:
    """Return an error as the system has it of files; the address is its file name."""
    cause = error.__cause__
    if (
        isinstance(error, FileNotFoundError)
        and isinstance(cause, Exception)
        and is_transient(cause)
    ):
        error = cause
    if _names(error) & _NO_CREDENTIALS:
        return PermissionError(errno.EACCES, NO_CREDENTIALS, str(address))
    status = _status(error) or _status(error.__cause__)
    if isinstance(error, PermissionError) or status in (401, 403):
        return PermissionError(errno.EACCES, "access denied", str(address))
    if status == 404 or (isinstance(error, FileNotFoundError) and status is None):
        is_bucket = "/" not in address.place or "bucket does not exist" in str(error)
        what = "no such bucket" if is_bucket else "no such object"
        return FileNotFoundError(errno.ENOENT, what, str(address))
    said = f"the store answers {status}"
    if status is None:
        told = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
        said = without_secrets(str(told))
    number = error.errno if isinstance(error, OSError) and error.errno else errno.EIO
    return OSError(number, said, str(address))


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status of an answer, as clients of stores keep it."""
    for name in ("status", "status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and 100 <= status < 600:
            return status
    return None


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
