"""For who runs the service: counters, the description of its interface, and another look at the bundles."""

from functools import cache

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from defectory.service.answers import ReloadAnswer, Reloaded
from defectory.service.calls import route, service_of
from defectory.service.errors import JSON, RequestError, as_json
from defectory.service.metrics import CONTENT_TYPE
from defectory.service.models import Looked
from defectory.service.openapi import describe_service


async def tell_metrics(request: Request) -> Response:
    """Answer the counters, as Prometheus reads them."""
    return Response(service_of(request).metrics.text(), 200, {"Content-Type": CONTENT_TYPE})


async def tell_interface(request: Request) -> Response:
    """Answer what can be asked, as OpenAPI 3.1."""
    has_token = service_of(request).options.token_file is not None
    return Response(_interface(has_token), 200, media_type=JSON)


async def reload(request: Request) -> Response:
    """Load the bundles whose files have changed; 409 where one does not load, and the one before stays."""
    service = service_of(request)
    if service.options.token_file is None:
        raise RequestError(403, "This needs a service with --token-file.")
    looked = await run_in_threadpool(service.look)
    answer = ReloadAnswer([_told(each) for each in looked])
    return as_json(answer, 409 if any(each.error for each in looked) else 200)


def _told(looked: Looked) -> Reloaded:
    version = looked.bundle.version if looked.bundle else looked.named.version
    return Reloaded(looked.named.name, version, looked.has_changed, looked.error or None)


@cache
def _interface(has_token: bool) -> bytes:
    return msgspec.json.encode(describe_service(has_token=has_token))


ROUTES = (
    route("/metrics", ["GET"], tell_metrics, "metrics"),
    route("/openapi.json", ["GET"], tell_interface, "openapi"),
    route("/admin/reload", ["POST"], reload, "reload"),
)
