"""From what goes wrong to an answer of one sentence; nothing of the server itself is told."""

import sys
import traceback
from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from defectory.domain import (
    DefectoryError,
    MaskError,
    ParameterError,
)
from defectory.projects import MissingImageError
from defectory.review.answers import sentence
from defectory.workflows.reviewing.facts import ConflictError

Call = TypeVar("Call")


class RequestError(Exception):
    """A request that cannot be answered as it is: status 4xx and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    def answer(self) -> Response:
        """Return it as it is sent."""
        return sentence(self.status, str(self))


_STATUS: tuple[tuple[type[DefectoryError], int], ...] = (
    (MissingImageError, 404),
    (ParameterError, 400),
    (MaskError, 400),
)
"""Any other is 409: what was asked for does not go with what is there."""


def answered(handler: Callable[[Call], Response], call: Call) -> Response:
    """Return what a handler answers, or the sentence that says why it does not.

    Notes
    -----
    What is a mistake of ours goes to the terminal with its traceback and is answered by a 500 without it.
    """
    try:
        return handler(call)
    except RequestError as error:
        return error.answer()
    except ConflictError as conflict:
        return sentence(412, str(conflict), current=conflict.current)
    except DefectoryError as error:
        return sentence(status_of(error), told(error))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return sentence(500, "The server has made a mistake; the terminal it runs in says more.")


def status_of(error: DefectoryError) -> int:
    """Return what an error that a person can act on is answered with."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def told(error: BaseException) -> str:
    """Return an error as one line."""
    return " ".join(str(error).split()) or type(error).__name__
