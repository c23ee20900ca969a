"""Which images there are, and what is known of one."""

from dataclasses import asdict

from starlette.responses import Response

from defectory.review.answers import as_json
from defectory.review.calls import Call, route

_MOST_LISTED = 500
_MOST_OFFSET = 10**9


def _list(call: Call) -> Response:
    found = call.site.project.find(
        filter=call.text("filter", "all"),
        search=call.text("search", ""),
        sort=call.text("sort", "-score"),
        offset=call.count("offset", 0, _MOST_OFFSET),
        limit=call.count("limit", 50, _MOST_LISTED),
    )
    return as_json(found)


def _one(call: Call) -> Response:
    facts = asdict(call.site.project.image(call.image_id))
    del facts["content"]
    return as_json(facts)


ROUTES = (
    route("/api/images", "GET", _list),
    route("/api/images/{id}", "GET", _one),
)
