"""What is answered: JSON, pictures, or a sentence that says what is wrong."""

from typing import Any

import msgspec
from starlette.responses import Response

_JSON = "application/json"


def as_json(content: Any, status: int = 200, **headers: str) -> Response:
    """Return dataclasses, lists and dictionaries as JSON; numbers that are infinite or none are null."""
    return Response(msgspec.json.encode(content), status, headers, _JSON)


def sentence(status: int, text: str, **more: Any) -> Response:
    """Return an error as every error is answered: `{"error": "one sentence"}`, and more where asked for."""
    return as_json({"error": text, **more}, status)


def nothing() -> Response:
    """Return 204: done, or there is none."""
    return Response(status_code=204)


def picture(content: bytes, media_type: str, etag: str, *, never_changes: bool = False) -> Response:
    """Return a picture that a browser may keep.

    Parameters
    ----------
    etag : names the content
    never_changes : it is not asked for again; where False, it is asked whether it is still the same
    """
    return Response(content, 200, _kept(etag, never_changes), media_type)


def not_modified(etag: str, *, never_changes: bool = False) -> Response:
    """Return 304: the browser has it."""
    return Response(status_code=304, headers=_kept(etag, never_changes))


def _kept(etag: str, never_changes: bool) -> dict[str, str]:
    how = "private, max-age=31536000, immutable" if never_changes else "private, no-cache"
    return {"Cache-Control": how, "ETag": f'"{etag}"'}
