"""From what goes wrong to an answer of one sentence; nothing of the server itself is told."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

JSON = "application/json"


class RequestError(Exception):
    """A request that cannot be answered as it is: status 4xx or 5xx, and a sentence.

    Attributes
    ----------
    status : of the answer
    headers : of the answer
    """

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = dict(headers or {})

    def answer(self) -> Response:
        """Return it as it is sent."""
        return sentence(self.status, str(self), self.headers)


class ClientGoneError(RequestError):
    """Nobody waits for the answer any longer."""

    def __init__(self) -> None:
        super().__init__(499, "The client has gone.")


def busy(text: str, after_s: int) -> RequestError:
    """Return 503, and when to try again."""
    return RequestError(503, text, {"Retry-After": str(after_s)})


def sentence(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as every error is answered: `{"error": "one sentence"}`."""
    return as_json({"error": " ".join(text.split())}, status, headers)


def as_json(
    content: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return structures, lists and dictionaries as JSON; numbers that are infinite or none are null."""
    return Response(msgspec.json.encode(content), status, dict(headers or {}), JSON)
