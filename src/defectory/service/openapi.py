"""What can be asked of a service, as OpenAPI 3.1: made of the types that requests and answers are."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from defectory import __version__
from defectory.service import answers
from defectory.service.protocol import LENGTH_HEADER, InferAnswer, InferRequest

_STRUCTS = (
    answers.Failure,
    answers.ScoreAnswer,
    answers.ServerMetadata,
    answers.ModelMetadata,
    answers.ServerState,
    answers.Live,
    answers.ModelReady,
    answers.ReloadAnswer,
    InferRequest,
    InferAnswer,
)
_TEXT: dict[str, Any] = {"type": "string"}
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_LABEL = {"type": "string", "maxLength": 201}
_FAILURES = {
    400: "The request is not as expected.",
    401: "The token is missing or wrong.",
    403: "This host, or a page of a browser, is not served.",
    404: "There is no such model.",
    406: "There is no picture of it.",
    408: "The body did not come in time.",
    409: "A bundle does not load; the one before it is served on.",
    413: "The body is too long, or has too many images.",
    415: "The body is of another type.",
    422: "An image cannot be read.",
    503: "Too much waits already; the header Retry-After says when to come again.",
    504: "It took longer than allowed.",
}
_BODY = (400, 404, 408, 413, 415, 422, 503, 504)


def describe_service(*, has_token: bool) -> dict[str, Any]:
    """Return the description, JSON-ready.

    Parameters
    ----------
    has_token : whether requests need a token
    """
    _, schemas = msgspec.json.schema_components(
        _STRUCTS, ref_template="#/components/schemas/{name}"
    )
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "defectory serve",
            "version": __version__,
            "description": "Images in, decisions out. Every error is one sentence.",
        },
        "paths": _paths(),
        "components": {"schemas": schemas},
    }
    if has_token:
        described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
    return described


def _paths() -> dict[str, Any]:
    model, version = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
    found: dict[str, Any] = {
        "/v2": {"get": _reading("Who serves", "ServerMetadata")},
        "/v2/health/live": {"get": _reading("Whether the service lives", "Live")},
        "/v2/health/ready": {"get": _reading("Whether bundles are served", "ServerState")},
        "/score": {"post": _scoring()},
        "/metrics": {
            "get": _operation("Counters for Prometheus", {200: _answer("text/plain", _TEXT)})
        },
        "/openapi.json": {
            "get": _operation("This", {200: _answer("application/json", {"type": "object"})})
        },
        "/admin/reload": {"post": _reloading()},
    }
    for path in (model, version):
        named = [_in_path(name) for name in ("model", "version") if f"{{{name}}}" in path]
        found[path] = {"get": _reading("What a model takes and gives", "ModelMetadata", named)}
        found[f"{path}/ready"] = {"get": _reading("Whether a model is served", "ModelReady", named)}
        found[f"{path}/infer"] = {"post": _inferring(named)}
    return found


def _scoring() -> dict[str, Any]:
    flags = (
        _in_query("model", _LABEL, "NAME or NAME@VERSION; needed where several are served."),
        _in_query("heatmap", {"enum": ["png"]}, "Adds a heatmap."),
        _in_query("mask", {"enum": ["png"]}, "Adds a mask of what is defective."),
        _in_query("regions", {"enum": [0, 1]}, "Adds boxes of what is defective."),
    )
    form = {
        "type": "object",
        "properties": {"file": {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": 64}},
        "required": ["file"],
    }
    answered = {
        200: {
            "description": "Decided; an image of several that cannot be read says so in its row.",
            "content": {
                "application/json": {"schema": _ref("ScoreAnswer")},
                "image/png": {"schema": _BINARY},
            },
        }
    }
    told = _operation("Judge images", answered, flags, (*_BODY, 406))
    either = {"oneOf": [_ref("ScoreAnswer"), _ref("Failure")]}
    told["responses"]["422"]["content"] = {"application/json": {"schema": either}}
    told["requestBody"] = {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form},
            "application/octet-stream": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "image/jpeg": {"schema": _BINARY},
        },
    }
    return told


def _inferring(named: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    answered = {
        200: {
            "description": f"Tensors; with {LENGTH_HEADER}, some of them behind the JSON.",
            "content": {
                "application/json": {"schema": _ref("InferAnswer")},
                "application/octet-stream": {"schema": _BINARY},
            },
        }
    }
    told = _operation("Judge images (Open Inference Protocol)", answered, named, _BODY)
    told["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": _ref("InferRequest")}},
    }
    return told


def _reloading() -> dict[str, Any]:
    answered = {200: _answer("application/json", _ref("ReloadAnswer"))}
    told = _operation("Load bundles whose files have changed", answered, failures=(409,))
    told["responses"]["409"]["content"] = {"application/json": {"schema": _ref("ReloadAnswer")}}
    return told


def _reading(summary: str, name: str, named: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    answered = {200: _answer("application/json", _ref(name))}
    return _operation(summary, answered, named, (404,) if named else ())


def _operation(
    summary: str,
    answered: Mapping[int, Mapping[str, Any]],
    parameters: Sequence[Mapping[str, Any]] = (),
    failures: Sequence[int] = (),
) -> dict[str, Any]:
    failed = {
        status: {**_answer("application/json", _ref("Failure")), "description": _FAILURES[status]}
        for status in (*failures, 401, 403)
    }
    responses = {str(status): told for status, told in sorted({**answered, **failed}.items())}
    return {"summary": summary, "parameters": list(parameters), "responses": responses}


def _answer(media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "Answered.", "content": {media_type: {"schema": schema}}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _in_query(name: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
