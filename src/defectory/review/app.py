"""The web application: routes behind the guard."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from defectory.review.answers import sentence
from defectory.review.guard import Guard
from defectory.review.routes import ROUTES
from defectory.review.security import Access
from defectory.review.site import Site

_SENTENCES = {404: "There is nothing here.", 405: "This address takes another method."}


def make_app(site: Site, access: Access) -> ASGIApp:
    """Return the application of one review.

    Parameters
    ----------
    site : project, pictures, jobs
    access : what requests must bring along
    """
    app = Starlette(routes=ROUTES, exception_handlers={HTTPException: _say})
    app.router.redirect_slashes = False  # it would build addresses from what a request says
    app.state.site = site
    return Guard(app, access)


async def _say(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return sentence(status, _SENTENCES.get(status, "This request cannot be answered."))
