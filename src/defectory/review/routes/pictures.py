"""An image as the page shows it: previews, heatmap, the detector's outline."""

import PIL.Image
from starlette.responses import Response

from defectory.review.answers import not_modified, nothing, picture
from defectory.review.calls import Call, route
from defectory.review.errors import RequestError
from defectory.review.heatmaps import encode_png
from defectory.review.previews import SIDES_PX

_MOST_SIDE_PX = 10**6


def _preview(call: Call) -> Response:
    side_px = call.count("side", 1600, _MOST_SIDE_PX)
    if side_px not in SIDES_PX:
        raise RequestError(400, f"side is one of {', '.join(map(str, SIDES_PX))} (0: all pixels).")
    etag = f"{call.site.previews.content_of(call.image_id)}-{side_px}"
    # A review that is made anew in the same folder has the same address and numbers for other pictures.
    never_changes = call.text("review", "") == call.site.project.id
    if call.is_known(etag):
        return not_modified(etag, never_changes=never_changes)
    preview = call.site.previews.get(call.image_id, side_px)
    return picture(preview.content, preview.media_type, etag, never_changes=never_changes)


def _heatmap(call: Call) -> Response:
    heatmap = call.site.heatmaps.get(call.image_id)
    if heatmap is None:
        return nothing()
    if call.is_known(heatmap.etag):
        return not_modified(heatmap.etag)
    return picture(heatmap.content, "image/png", heatmap.etag)


def _outline(call: Call) -> Response:
    outline = call.site.project.outline(call.image_id)
    if outline is None:
        return nothing()
    marked = PIL.Image.fromarray(outline).convert("L")
    return Response(encode_png(marked), media_type="image/png")


ROUTES = (
    route("/api/images/{id}/preview", "GET", _preview),
    route("/api/images/{id}/heatmap", "GET", _heatmap),
    route("/api/images/{id}/outline", "GET", _outline),
)
