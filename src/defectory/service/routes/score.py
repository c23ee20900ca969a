"""`POST /score`: images as they are, from a form or a plain body."""

import functools

from starlette.requests import Request
from starlette.responses import Response

from defectory.domain import ImageReadError
from defectory.service.answers import ScoreAnswer, alarm_of, describe
from defectory.service.calls import parsed, query_of, route, service_of, visit_of
from defectory.service.errors import RequestError, as_json
from defectory.service.multipart import Upload, read_form
from defectory.service.service import Judgment
from defectory.workflows.serving.bundles import ServedBundle
from defectory.workflows.serving.judging import Judged, Wanted

_PARAMETERS = ("model", "heatmap", "mask", "regions")
_FORM = "multipart/form-data"
_PNG = "image/png"


async def score(request: Request) -> Response:
    """Judge images; each that cannot be read says so in its own row."""
    service, visit = service_of(request), visit_of(request)
    query = query_of(request, _PARAMETERS)
    has_regions = _is_yes(query, "regions")
    is_picture = _PNG in request.headers.get("accept", "")
    wanted = _wanted(query, is_picture)
    bundle = _bundle(request, query.get("model", ""))
    visit.model = bundle.label
    with service.bodies.held(request) as held:
        read = functools.partial(
            _uploads,
            content_type=request.headers.get("content-type", ""),
            name=visit.request_id,
            most=service.options.limits.images,
        )
        uploads = await parsed(request, held, read)
        visit.n_images = len(uploads)
        if is_picture and len(uploads) > 1:
            raise RequestError(400, "A picture is of one image; send one, or accept JSON.")
        judgment = await service.judge(request, bundle, uploads, wanted)
        if is_picture:
            return _picture(judgment, bundle, wanted)
        return _answer(judgment, bundle, uploads, wanted, has_regions=has_regions)


def _answer(
    judgment: Judgment,
    bundle: ServedBundle,
    uploads: list[Upload],
    wanted: Wanted,
    *,
    has_regions: bool,
) -> Response:
    described = functools.partial(
        describe,
        model=bundle.model,
        has_regions=has_regions,
        has_heatmap=wanted.has_heatmap,
        has_mask=wanted.has_mask,
    )
    rows = [
        described(each, upload.name) for each, upload in zip(judgment.results, uploads, strict=True)
    ]
    answer = ScoreAnswer(
        bundle.name, bundle.version, rows, alarm_of(judgment.alarm), judgment.is_recorded
    )
    return as_json(answer, 422 if all(row.error for row in rows) else 200)


def _picture(judgment: Judgment, bundle: ServedBundle, wanted: Wanted) -> Response:
    (judged,) = judgment.results
    if isinstance(judged, ImageReadError):
        raise RequestError(422, str(judged))
    content = judged.mask if wanted.has_mask else judged.heatmap
    if content is None:
        raise RequestError(406, "This model has no maps.")
    return Response(content, 200, _facts(judged, bundle), _PNG)


def _facts(judged: Judged, bundle: ServedBundle) -> dict[str, str]:
    decision = judged.decision
    return {
        "X-Defectory-Decision": decision.outcome,
        "X-Defectory-Score": repr(decision.score),
        "X-Defectory-Threshold": repr(decision.threshold),
        "X-Defectory-P-Value": repr(judged.p_value),
        "X-Defectory-Model": bundle.label,
    }


def _wanted(query: dict[str, str], is_picture: bool) -> Wanted:
    has_heatmap, has_mask = (_is_png(query, name) for name in ("heatmap", "mask"))
    if is_picture and has_heatmap and has_mask:
        raise RequestError(400, "A picture is a heatmap or a mask; for both, accept JSON.")
    return Wanted(has_heatmap=has_heatmap or (is_picture and not has_mask), has_mask=has_mask)


def _is_png(query: dict[str, str], name: str) -> bool:
    if query.get(name, "png") != "png":
        raise RequestError(400, f"{name} may be png.")
    return name in query


def _is_yes(query: dict[str, str], name: str) -> bool:
    value = query.get(name, "0")
    if value not in ("0", "1"):
        raise RequestError(400, f"{name} is 0 or 1.")
    return value == "1"


def _bundle(request: Request, label: str) -> ServedBundle:
    table = service_of(request).models.table
    if not label:
        return table.only()
    name, _, version = label.partition("@")
    return table.find(name, version)


def _uploads(body: bytes, *, content_type: str, name: str, most: int) -> list[Upload]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        uploads = read_form(body, content_type, most)
        if not uploads:
            raise RequestError(400, "The form has no file.")
        return uploads
    if kind == "application/json":
        raise RequestError(415, "Send an image, as it is or in a form (multipart/form-data).")
    if not body:
        raise RequestError(400, "The body is empty; send an image.")
    return [Upload(name, body)]


ROUTES = (route("/score", ["POST"], score, "score"),)
