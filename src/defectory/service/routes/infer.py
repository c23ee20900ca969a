"""Open Inference Protocol v2: `infer`."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from defectory.domain import ImageReadError
from defectory.service.calls import parsed, route, service_of, visit_of
from defectory.service.errors import JSON, RequestError
from defectory.service.multipart import Upload
from defectory.service.protocol import (
    LENGTH_HEADER,
    AlarmParameters,
    Asked,
    InferAnswer,
    read_request,
    write_answer,
)
from defectory.service.routes.health import bundle_of
from defectory.workflows.serving.judging import Judged, Wanted


async def infer(request: Request) -> Response:
    """Judge the images of a request, all or none."""
    service, bundle, visit = service_of(request), bundle_of(request), visit_of(request)
    read = functools.partial(
        read_request,
        json_length=request.headers.get(LENGTH_HEADER),
        most_images=service.options.limits.images,
    )
    with service.bodies.held(request) as held:
        asked = await parsed(request, held, read)
        visit.n_images = len(asked.images)
        uploads = _uploads(asked, asked.id or visit.request_id)
        wanted = Wanted(has_map="map" in asked.outputs)
        judgment = await service.judge(request, bundle, uploads, wanted, is_all_or_nothing=True)
        judged = [_readable(each, i) for i, each in enumerate(judgment.results)]
        is_ringing = None if judgment.alarm is None else judgment.alarm.is_ringing
        told = AlarmParameters(is_ringing, judgment.is_recorded)
        answer = InferAnswer(bundle.name, bundle.version, asked.id, [], told)
        body, n_json = write_answer(answer, _tensors(judged, asked), asked)
    headers = {LENGTH_HEADER: str(n_json)} if n_json else {}
    return Response(body, 200, headers, "application/octet-stream" if n_json else JSON)


def _uploads(asked: Asked, name: str) -> list[Upload]:
    if len(asked.images) == 1:
        return [Upload(name, asked.images[0])]
    return [Upload(f"{name}-{i}", content) for i, content in enumerate(asked.images)]


def _readable(found: Judged | ImageReadError, index: int) -> Judged:
    if isinstance(found, ImageReadError):
        raise RequestError(422, f"Image {index}: {found}")
    return found


def _tensors(judged: list[Judged], asked: Asked) -> dict[str, NDArray[Any]]:
    decisions = [each.decision for each in judged]
    tensors: dict[str, NDArray[Any]] = {
        "score": np.array([decision.score for decision in decisions], np.float32),
        "is_anomalous": np.array([decision.is_anomalous for decision in decisions], bool),
        "p_value": np.array([each.p_value for each in judged], np.float64),
        "decision": np.array([decision.outcome for decision in decisions], object),
    }
    if "map" in asked.outputs:
        maps = [each.heat for each in judged if each.heat is not None]
        if len(maps) < len(judged):
            raise RequestError(400, "This model has no maps.")
        if len({heat.shape for heat in maps}) > 1:
            raise RequestError(400, "The maps differ in size; ask for one image at a time.")
        tensors["map"] = np.stack(maps)
    return tensors


_MODEL, _VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
ROUTES = (
    route(f"{_MODEL}/infer", ["POST"], infer, "infer"),
    route(f"{_VERSION}/infer", ["POST"], infer, "infer"),
)
