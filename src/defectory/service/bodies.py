"""Bodies of requests: read within limits of bytes and time, unpacked within the same."""

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect, Request

from defectory.service.errors import ClientGoneError, RequestError, busy
from defectory.service.options import Limits

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Bodies:
    """Reads bodies; knows how many bytes of them are held at once. Used on the event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._n_held = 0

    @contextmanager
    def held(self, request: Request) -> Iterator["Held"]:
        """Give what reads one request's body; its bytes count until the block ends."""
        held = Held(self, request)
        try:
            yield held
        finally:
            self._n_held -= held.n_bytes

    def take(self, n_bytes: int) -> None:
        """Count bytes that come to be held; RequestError 503."""
        if self._n_held + n_bytes > self._limits.all_bodies_bytes:
            raise busy("Too many images are being sent already.", 1)
        self._n_held += n_bytes

    @property
    def limits(self) -> Limits:
        """Of the service."""
        return self._limits


class Held:
    """One body, and how many bytes of it are held."""

    def __init__(self, bodies: Bodies, request: Request) -> None:
        self.n_bytes = 0
        self._bodies = bodies
        self._request = request
        self._most_bytes = bodies.limits.body_bytes

    async def read(self) -> bytes:
        """Return the body as it was sent.

        Raises
        ------
        RequestError : it is too long (413), too slow (408), its length is no number (400), all bodies
            together are too long (503), or the client has gone.
        """
        told = self._told_length()
        if told > self._most_bytes:
            await self._pass_by()
            raise too_long(self._most_bytes)
        self.take(told)
        parts, n_bytes = [], 0
        try:
            async with asyncio.timeout(self._bodies.limits.body_s):
                async for part in self._request.stream():
                    n_bytes += len(part)
                    if n_bytes > self._most_bytes:
                        raise too_long(self._most_bytes)
                    self.take(max(0, n_bytes - self.n_bytes))
                    parts.append(part)
        except TimeoutError as error:
            raise RequestError(
                408, "The body did not come in time.", {"Connection": "close"}
            ) from error
        except ClientDisconnect as error:
            raise ClientGoneError from error
        return b"".join(parts)

    def take(self, n_bytes: int) -> None:
        """Count further bytes that are held for this request; RequestError 503."""
        self._bodies.take(n_bytes)
        self.n_bytes += n_bytes

    def _told_length(self) -> int:
        told = self._request.headers.get("content-length", "0")
        if not (told.isascii() and told.isdigit()):
            raise RequestError(400, "Content-Length is no number.")
        return int(told[:20])

    async def _pass_by(self) -> None:
        """Let a body of up to twice the limit pass unread: a client that sends listens only afterwards."""
        if "expect" in self._request.headers or self._told_length() > 2 * self._most_bytes:
            return
        try:
            async with asyncio.timeout(self._bodies.limits.body_s):
                async for _ in self._request.stream():
                    pass
        except (TimeoutError, ClientDisconnect):
            pass


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return a body without its Content-Encoding.

    Parameters
    ----------
    encoding : of the header; "" and identity for none
    most_bytes : that it may have

    Raises
    ------
    RequestError : the encoding is not known (415), the body is damaged (400) or unpacks to more (413).
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW_BITS:
        raise RequestError(415, "Content-Encoding may be gzip or deflate, or none.")
    unpacker = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        found = unpacker.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise RequestError(400, f"The body is no {name}.") from error
    if len(found) > most_bytes:
        raise too_long(most_bytes)
    if not unpacker.eof:
        raise RequestError(400, f"The {name} body was cut off.")
    return found


def too_long(most_bytes: int) -> RequestError:
    """Return 413."""
    return RequestError(
        413,
        f"The body is longer than the {most_bytes:,} bytes that are taken.",
        {"Connection": "close"},
    )
