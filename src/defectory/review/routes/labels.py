"""What a person says of images: one at a time, or those kept while there was no connection."""

from typing import Annotated, Any, Literal

import msgspec
from starlette.responses import Response

from defectory.domain import DefectoryError
from defectory.review.answers import as_json
from defectory.review.calls import Call, route
from defectory.review.errors import status_of, told
from defectory.workflows.reviewing.facts import ConflictError, LabelState

_MOST_BATCH_BYTES = 4 * 2**20
_MOST_SECONDS = 86400.0

_Word = Annotated[str, msgspec.Meta(max_length=100)]


class _Answer(msgspec.Struct, kw_only=True):
    """A label as the page sends it; value null takes it back."""

    value: Literal["good", "defective", "unsure", "skipped"] | None
    defect_type: _Word = ""
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    strategy: _Word = ""
    client_id: _Word = ""


class _KeptAnswer(_Answer, kw_only=True):
    """A label that was kept: with its image, and the tag of the state that the person saw."""

    id: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    etag: _Word


class _KeptAnswers(msgspec.Struct):
    entries: Annotated[list[_KeptAnswer], msgspec.Meta(max_length=5000)]


def _label(call: Call) -> Response:
    state = _give(call, call.image_id, call.json(_Answer), call.expected)
    return as_json(_told(state))


def _label_kept(call: Call) -> Response:
    entries = call.json(_KeptAnswers).entries
    return as_json({"results": [_result(call, entry) for entry in entries]})


def _result(call: Call, entry: _KeptAnswer) -> dict[str, Any]:
    try:
        state = _give(call, entry.id, entry, entry.etag)
    except ConflictError as conflict:
        return {"id": entry.id, "status": 412, **_told(conflict.current)}
    except DefectoryError as error:  # the others are still taken
        missing = {"label": None, "etag": "", "error": told(error)}
        return {"id": entry.id, "status": status_of(error), **missing}
    return {"id": entry.id, "status": 200, **_told(state)}


def _give(call: Call, image_id: int, answer: _Answer, expected: str | None) -> LabelState:
    return call.site.project.label(
        image_id,
        answer.value,
        who=call.who,
        seconds=min(answer.seconds, _MOST_SECONDS),
        strategy=answer.strategy,
        defect_type=answer.defect_type,
        expected=expected,
        client_id=answer.client_id,
    )


def _told(state: LabelState) -> dict[str, Any]:
    return {"label": state.label, "etag": state.etag}


def _disagreements(call: Call) -> Response:
    return as_json({"images": call.site.project.disagreements()})


def _csv(call: Call) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="labels.csv"'}
    text = call.site.project.labels_csv()
    return Response(text.encode("utf-8", "surrogateescape"), 200, headers, "text/csv")


ROUTES = (
    route("/api/images/{id}/label", "PUT", _label),
    route("/api/labels", "POST", _label_kept, _MOST_BATCH_BYTES),
    route("/api/disagreements", "GET", _disagreements),
    route("/api/labels.csv", "GET", _csv),
)
