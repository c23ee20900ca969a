"""How far the review is, and what it asks about next."""

from dataclasses import asdict

from starlette.responses import Response

from defectory.review.answers import as_json
from defectory.review.calls import Call, route

_MOST_QUEUED = 500


def _project(call: Call) -> Response:
    # the job first: of one that ends meanwhile, the overview has the result
    job = call.site.jobs.state()
    told = {**asdict(call.site.project.overview()), "who": call.who, "job": job}
    return as_json(told)


def _queue(call: Call) -> Response:
    n = call.count("n", 50, _MOST_QUEUED)
    entries = call.site.project.queue(n, call.text("strategy", "mix"))
    call.site.ahead.want([entry.id for entry in entries])
    return as_json({"entries": entries})


ROUTES = (route("/api/project", "GET", _project), route("/api/queue", "GET", _queue))
