"""Stands before all routes: lets in who may; names, counts and logs each request."""

import re
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass

from h11 import LocalProtocolError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from defectory.service.access import Access
from defectory.service.errors import RequestError
from defectory.service.logs import Log
from defectory.service.metrics import Metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass
class Visit:
    """One request, as log and counters see it; routes fill in what they learn.

    Attributes
    ----------
    request_id : as the client calls it, or a new one
    route : what was asked for, one of a few words
    model : that judged, with its version
    n_images : of the request
    error : why it was not answered as asked
    status : of the answer
    """

    request_id: str
    route: str = "other"
    model: str = ""
    n_images: int = 0
    error: str = ""
    status: int = 0


class Guard:
    """An ASGI app before another one.

    Parameters
    ----------
    app : what is guarded
    access : what a request must bring along
    """

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, log: Log) -> None:
        self._app, self._access, self._metrics, self._log = app, access, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:  # there are no web sockets here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        visit = scope["defectory"] = Visit(_request_id(headers))
        started = time.perf_counter()
        try:
            await self._answer(headers, scope, receive, _noted(send, visit), visit)
        finally:
            self._note(visit, scope, time.perf_counter() - started)

    async def _answer(
        self, headers: Headers, scope: Scope, receive: Receive, send: Send, visit: Visit
    ) -> None:
        try:
            self._access.check(headers)
            await self._app(scope, receive, send)
        except RequestError as error:
            visit.error = str(error)
            await error.answer()(scope, receive, send)
        except Exception as error:
            self._log.write_mistake(error, request_id=visit.request_id)

    def _note(self, visit: Visit, scope: Scope, seconds: float) -> None:
        self._metrics.requests.labels(visit.route, str(visit.status)).inc()
        self._metrics.seconds.labels(visit.route).observe(seconds)
        client = scope.get("client")
        self._log.write(
            "request",
            "info" if visit.status < 400 else "warning",
            request_id=visit.request_id,
            method=scope["method"][:20],
            path=scope["path"],
            status=visit.status,
            ms=round(1000 * seconds, 2),
            client=client[0] if client else "",
            model=visit.model,
            images=visit.n_images or None,
            error=visit.error,
        )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _noted(send: Send, visit: Visit) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            visit.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["X-Request-Id"] = visit.request_id
        # a body that was no HTTP: the connection has been answered by 400 and is closing
        with suppress(LocalProtocolError):
            await send(message)

    return noting
