"""The web application: routes behind the guard."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from defectory.service.access import Access
from defectory.service.calls import visit_of
from defectory.service.errors import RequestError, sentence
from defectory.service.guard import Guard
from defectory.service.routes import ROUTES
from defectory.service.service import Service

_SENTENCES = {404: "There is nothing here.", 405: "This address takes another method."}


def make_app(service: Service, access: Access) -> ASGIApp:
    """Return the application of one service.

    Parameters
    ----------
    service : bundles, threads, records
    access : what requests must bring along
    """
    handlers = {HTTPException: _say, RequestError: _answer, Exception: _apologize}
    app = Starlette(routes=ROUTES, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would build addresses from what a request says
    app.state.service = service
    return Guard(app, access, service.metrics, service.log)


async def _answer(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    visit_of(request).error = str(error)
    return error.answer()


async def _apologize(request: Request, _: Exception) -> Response:
    visit_of(request).error = "a mistake of the service"
    return sentence(500, "The service has made a mistake; its log says more.")


async def _say(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = _SENTENCES.get(error.status_code, "This request cannot be answered.")
    return sentence(error.status_code, text, error.headers)
