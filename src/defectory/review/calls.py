"""One request, read and checked: what routes get instead of raw bytes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from defectory.review.errors import RequestError, answered
from defectory.review.site import Site

MOST_JSON_BYTES = 64 * 2**10
_MOST_WHO_LETTERS = 80
_READ_S = 60.0
_MOST_ID = 2**53 - 1  # what JavaScript counts to; SQLite counts further

Body = TypeVar("Body")


@dataclass(frozen=True)
class Call:
    """A request with its body, and what answers it.

    Attributes
    ----------
    site : project, previews, jobs
    body : bounded
    """

    request: Request
    site: Site
    body: bytes

    @property
    def image_id(self) -> int:
        """Of the path; RequestError 404 where it is none."""
        return _number(self.request.path_params["id"], 404)

    @property
    def version(self) -> int:
        """Of the path; RequestError 404 where it is none."""
        return _number(self.request.path_params["version"], 404)

    @property
    def who(self) -> str:
        """Who is at the page: as it says in X-Defectory-Who, or else as the command was told."""
        given = unquote(self.request.headers.get("x-defectory-who", "")).strip()
        given = "".join(letter for letter in given if letter.isprintable())
        return given[:_MOST_WHO_LETTERS] or self.site.who

    @property
    def expected(self) -> str | None:
        """The tag in If-Match, without its quotes; None for any (`*`); RequestError 428 without that header.

        Who does not say what was seen would overwrite what others have said.
        """
        tag = self.request.headers.get("if-match", "").strip()
        if not tag:
            raise RequestError(428, "If-Match is missing: the etag of the state that was seen.")
        return None if tag == "*" else tag.removeprefix("W/").strip('"')

    @property
    def client_id(self) -> str:
        """Of this answer, as X-Defectory-Client-Id names it; empty where it has no name."""
        return self.request.headers.get("x-defectory-client-id", "")

    def text(self, name: str, default: str) -> str:
        """Return a word of the query."""
        value = self.request.query_params.get(name, default)
        if len(value) > 200 or not value.isprintable():
            raise RequestError(400, f"{name} is no text of at most 200 letters.")
        return value

    def count(self, name: str, default: int, most: int) -> int:
        """Return a number of the query, from 0 to `most`."""
        value = _number(self.request.query_params.get(name, str(default)), 400)
        if value > most:
            raise RequestError(400, f"{name} is at most {most}.")
        return value

    def json(self, kind: type[Body]) -> Body:
        """Return the body as a structure of this kind; RequestError 400."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestError(400, f"The body is not as expected: {error}.") from error

    def is_known(self, etag: str) -> bool:
        """Return whether the browser has the content that a tag names."""
        tags = self.request.headers.get("if-none-match", "")
        return f'"{etag}"' in (tag.strip().removeprefix("W/") for tag in tags.split(","))


Handler = Callable[[Call], Response]


def route(path: str, method: str, handler: Handler, most_bytes: int = MOST_JSON_BYTES) -> Route:
    """Return a route whose handler runs on a thread: projects, pictures and disks make it wait.

    Parameters
    ----------
    method : GET (and HEAD), PUT, POST or DELETE
    handler : gets the call, gives the answer
    most_bytes : of the body
    """

    async def endpoint(request: Request) -> Response:
        try:
            body = b"" if method == "GET" else await _read(request, most_bytes)
        except RequestError as error:
            return error.answer()
        call = Call(request, request.app.state.site, body)
        return await run_in_threadpool(answered, handler, call)

    return Route(path, endpoint, methods=[method], name=f"{method} {path}")


async def _read(request: Request, most_bytes: int) -> bytes:
    """Return the body; RequestError 413 where it is too long, 408 where it does not come."""
    told = request.headers.get("content-length", "0")
    if not (told.isascii() and told.isdigit()):
        raise RequestError(400, "Content-Length is no number.")
    if int(told[:20]) > most_bytes:
        raise _too_long(most_bytes)
    parts, n_bytes = [], 0
    try:
        async with asyncio.timeout(_READ_S):
            async for part in request.stream():
                n_bytes += len(part)
                if n_bytes > most_bytes:
                    raise _too_long(most_bytes)
                parts.append(part)
    except TimeoutError as error:
        raise RequestError(408, "The body did not come in time.") from error
    except ClientDisconnect as error:
        raise RequestError(400, "The connection ended before the body did.") from error
    return b"".join(parts)


def _too_long(most_bytes: int) -> RequestError:
    return RequestError(413, f"The body is longer than the {most_bytes} bytes that are taken.")


def _number(text: str, status: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 16) or int(text) > _MOST_ID:
        raise RequestError(
            status, "There is nothing of this number." if status == 404 else "A number is needed."
        )
    return int(text)
