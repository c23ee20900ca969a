"""The bundle learns the labels; a person sees what would change, and takes it or not."""

import msgspec
from starlette.responses import Response

from defectory.review.answers import as_json, nothing, sentence
from defectory.review.calls import Call, route


class _Answer(msgspec.Struct):
    force: bool = False
    version: int | None = None


def _teach(call: Call) -> Response:
    project = call.site.project
    call.site.jobs.start("teach", lambda progress: project.teach(progress=progress))
    return as_json({"job": call.site.jobs.state()}, 202)


def _proposal(call: Call) -> Response:
    proposal = call.site.project.proposal()
    if proposal is None:
        return sentence(404, "No change waits for an answer.")
    return as_json(proposal)


def _accept(call: Call) -> Response:
    answer = call.json(_Answer) if call.body else _Answer()
    call.site.project.accept(force=answer.force, version=answer.version)
    return nothing()


def _reject(call: Call) -> Response:
    answer = call.json(_Answer) if call.body else _Answer()
    call.site.project.reject(version=answer.version)
    return nothing()


ROUTES = (
    route("/api/teach", "POST", _teach),
    route("/api/proposal", "GET", _proposal),
    route("/api/proposal/accept", "POST", _accept),
    route("/api/proposal/reject", "POST", _reject),
)
