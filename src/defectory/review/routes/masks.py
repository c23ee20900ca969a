"""Where the defect is, as a person has painted it."""

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from starlette.responses import Response

from defectory.review.answers import as_json, nothing
from defectory.review.calls import Call, route
from defectory.review.heatmaps import encode_png
from defectory.review.masks import MOST_MASK_BYTES, read_mask


def _get(call: Call) -> Response:
    mask = call.site.project.mask(call.image_id)
    if mask is None:
        return nothing()
    return Response(encode_png(PIL.Image.fromarray(mask).convert("L")), media_type="image/png")


def _put(call: Call) -> Response:
    """Keep a mask; one that marks nothing takes the old one away, since a missing mask is no empty one."""
    expected, file = call.expected, call.site.project.image_file(call.image_id)
    mask = read_mask(call.body, (file.height, file.width))
    return _set(call, file.id, mask if mask.any() else None, expected)


def _delete(call: Call) -> Response:
    return _set(call, call.image_id, None, call.expected)


def _set(
    call: Call, image_id: int, mask: NDArray[np.bool_] | None, expected: str | None
) -> Response:
    state = call.site.project.set_mask(
        image_id, mask, who=call.who, expected=expected, client_id=call.client_id
    )
    return as_json(state)


ROUTES = (
    route("/api/images/{id}/mask", "GET", _get),
    route("/api/images/{id}/mask", "PUT", _put, MOST_MASK_BYTES),
    route("/api/images/{id}/mask", "DELETE", _delete),
)
