"""What every route is made of: the service, the visit, the body."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from defectory.service.bodies import Held, unpacked
from defectory.service.errors import RequestError
from defectory.service.guard import Visit
from defectory.service.service import Service

_INLINE_BYTES = 2**16
"""Smaller bodies are unpacked at once: another thread would take longer."""

Handler = Callable[[Request], Awaitable[Response]]
Parsed = TypeVar("Parsed")


def route(path: str, methods: Iterable[str], handler: Handler, name: str) -> Route:
    """Return a route that log and counters know by a name."""

    async def endpoint(request: Request) -> Response:
        visit_of(request).route = name
        return await handler(request)

    return Route(path, endpoint, methods=list(methods), name=name)


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service


def visit_of(request: Request) -> Visit:
    """Return what log and counters are told of a request."""
    visit: Visit = request.scope["defectory"]
    return visit


def query_of(request: Request, names: Iterable[str]) -> dict[str, str]:
    """Return the parameters of the query; RequestError 400 where one is unknown, twice, or no text."""
    found: dict[str, str] = {}
    known = set(names)
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise RequestError(
                400, f"There is no parameter of this name, but {', '.join(sorted(known))}."
            )
        if name in found:
            raise RequestError(400, f"The parameter {name} is there twice.")
        found[name] = value
    return found


async def parsed(request: Request, held: Held, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Return what a request's body holds, read within the limits; large ones are parsed on a thread.

    Parameters
    ----------
    held : what reads the body
    parse : gets it, unpacked

    Raises
    ------
    RequestError : it is too long, too slow or damaged, or there is no room.
    """
    most_bytes = service_of(request).options.limits.body_bytes
    encoding = request.headers.get("content-encoding", "")
    body = await held.read()
    if encoding:
        held.take(most_bytes)  # more than that it does not become

    def work() -> Parsed:
        return parse(unpacked(body, encoding, most_bytes))

    if encoding or len(body) > _INLINE_BYTES:
        return await run_in_threadpool(work)
    return work()
