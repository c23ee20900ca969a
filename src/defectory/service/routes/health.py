"""Whether the service lives and is ready, and what it serves: Open Inference Protocol v2."""

from starlette.requests import Request
from starlette.responses import Response

from defectory import __version__
from defectory.domain.scores import finite_or_none
from defectory.service.answers import (
    Live,
    ModelFacts,
    ModelMetadata,
    ModelReady,
    ModelState,
    ServerMetadata,
    ServerState,
    Tensor,
)
from defectory.service.calls import route, service_of, visit_of
from defectory.service.errors import as_json
from defectory.service.protocol import INPUT, OUTPUTS
from defectory.workflows.serving.bundles import ServedBundle


async def tell_server(_: Request) -> Response:
    """Answer who we are."""
    return as_json(ServerMetadata("defectory", __version__, ["binary_tensor_data"]))


async def tell_live(_: Request) -> Response:
    """Answer that we live."""
    return as_json(Live(True))


async def tell_ready(request: Request) -> Response:
    """Answer that every bundle is served, and which are served on although there is a newer file."""
    table = service_of(request).models.table
    models = [
        ModelState(bundle.name, bundle.version, True, table.errors.get(bundle.label))
        for bundle in table.all()
    ]
    return as_json(ServerState(True, models))


async def tell_model(request: Request) -> Response:
    """Answer what a bundle takes and gives."""
    bundle = bundle_of(request)
    versions = list(service_of(request).models.table.bundles[bundle.name])
    return as_json(_metadata(bundle, versions))


async def tell_model_ready(request: Request) -> Response:
    """Answer that a bundle is served."""
    return as_json(ModelReady(bundle_of(request).name, True))


def bundle_of(request: Request) -> ServedBundle:
    """Return the bundle of the path; RequestError 404."""
    told = request.path_params
    bundle = service_of(request).models.table.find(told["model"], told.get("version", ""))
    visit_of(request).model = bundle.label
    return bundle


def _metadata(bundle: ServedBundle, versions: list[str]) -> ModelMetadata:
    model, zone = bundle.model, bundle.model.gray_zone
    facts = ModelFacts(
        bundle.sha256,
        finite_or_none(model.threshold.value),
        None if zone is None else finite_or_none(zone.accept.value),
        model.promise.false_reject_rate,
        model.promise.confidence,
        model.promise.miss_rate,
    )
    return ModelMetadata(
        bundle.name,
        versions,
        f"defectory_{model.bundle.detector.name}",
        [Tensor(INPUT, "BYTES", [-1])],
        [Tensor(name, datatype, list(shape)) for name, (datatype, shape) in OUTPUTS.items()],
        facts,
    )


_MODEL, _VERSION = "/v2/models/{model}", "/v2/models/{model}/versions/{version}"
ROUTES = (
    route("/v2", ["GET"], tell_server, "server"),
    route("/v2/health/live", ["GET"], tell_live, "live"),
    route("/v2/health/ready", ["GET"], tell_ready, "ready"),
    route(_MODEL, ["GET"], tell_model, "model"),
    route(_VERSION, ["GET"], tell_model, "model"),
    route(f"{_MODEL}/ready", ["GET"], tell_model_ready, "model ready"),
    route(f"{_VERSION}/ready", ["GET"], tell_model_ready, "model ready"),
)
