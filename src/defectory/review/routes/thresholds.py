"""How many good parts may be rejected, and what that finds."""

from typing import Annotated

import msgspec
from starlette.responses import Response

from defectory.review.answers import as_json
from defectory.review.calls import Call, route


class _Rate(msgspec.Struct):
    false_reject_rate: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    prefers_estimate: bool = False


def _thresholds(call: Call) -> Response:
    return as_json(call.site.project.thresholds())


def _set(call: Call) -> Response:
    asked = call.json(_Rate)
    call.site.project.set_false_reject_rate(
        asked.false_reject_rate, prefers_estimate=asked.prefers_estimate
    )
    return _thresholds(call)


ROUTES = (
    route("/api/thresholds", "GET", _thresholds),
    route("/api/threshold", "PUT", _set),
)
