"""The page itself."""

from starlette.responses import Response

from defectory.review.answers import not_modified, picture
from defectory.review.calls import Call, route
from defectory.review.errors import RequestError


def _index(call: Call) -> Response:
    return _file(call, "index.html")


def _named(call: Call) -> Response:
    return _file(call, call.request.path_params["name"])


def _file(call: Call, name: str) -> Response:
    found = call.site.page.get(name)
    if found is None:
        raise RequestError(404, "There is nothing of this name.")
    if call.is_known(found.etag):
        return not_modified(found.etag)
    return picture(found.content, found.media_type, found.etag)


ROUTES = (
    route("/", "GET", _index),
    route("/static/{name:path}", "GET", _named),
    route("/{name:path}", "GET", _named),
)
