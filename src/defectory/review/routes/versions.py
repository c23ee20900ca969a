"""Every bundle there was, and the way back to it."""

from starlette.responses import Response

from defectory.review.answers import as_json, nothing
from defectory.review.calls import Call, route


def _history(call: Call) -> Response:
    return as_json({"versions": call.site.project.history()})


def _restore(call: Call) -> Response:
    call.site.project.restore(call.version)
    return nothing()


ROUTES = (
    route("/api/history", "GET", _history),
    route("/api/history/{version}/restore", "POST", _restore),
)
