"""Stands before all routes: refuses who may not come in, and puts the security headers on every answer."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from defectory.review.answers import sentence
from defectory.review.security import (
    SAFE_METHODS,
    SECURITY_HEADERS,
    Access,
    Refusal,
    is_of_another_site,
)

# A link in a mail or a file: the cookie that is set on the way to our page would not be sent in the same
# breath, since another site began it. This page is ours, and begins anew.
_GO_ON = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>defectory review</title>'
    '<meta http-equiv="refresh" content="0;url=/"><a href="/">Go on to the review</a></html>'
)


class Guard:
    """An ASGI app before another one; nothing reaches that one without a token.

    Parameters
    ----------
    app : what is guarded
    access : what a request must bring along
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._answer(scope)
            await (answer or self._app)(scope, receive, _with_headers(send))
        else:  # there are no web sockets here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _answer(self, scope: Scope) -> Response | None:
        """Return what is answered in place of the app, or None where it may answer."""
        headers = Headers(scope=scope)
        refusal = self._access.refuse_host(headers)
        if refusal is None and _is_link(scope) and self._access.opens(scope["query_string"]):
            return self._open(headers)
        refusal = refusal or self._refuse(scope["method"], headers)
        return None if refusal is None else sentence(refusal.status, refusal.reason)

    def _refuse(self, method: str, headers: Headers) -> Refusal | None:
        refusal = self._access.refuse_unknown(headers)
        if refusal is None and is_of_another_site(headers):
            return Refusal(403, "A page of another site asks for this.")
        if refusal is None and method not in SAFE_METHODS:
            return self._access.refuse_foreign_change(headers)
        return refusal

    def _open(self, headers: Headers) -> Response:
        """Answer the link: set the cookie, and lead to the address without the token."""
        answer = HTMLResponse(_GO_ON) if is_of_another_site(headers) else RedirectResponse("/", 303)
        answer.headers["Set-Cookie"] = self._access.cookie
        return answer


def _is_link(scope: Scope) -> bool:
    return scope["path"] == "/" and scope["method"] == "GET" and bool(scope["query_string"])


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded
