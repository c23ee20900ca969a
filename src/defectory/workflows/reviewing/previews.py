"""Pictures as a browser shows them: at most so large, upright, with the pixels that a detector sees."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

from defectory.domain import ImageReadError
from defectory.sources.decoding import open_image, read_bytes, shown_as_it_is
from defectory.sources.images import to_rgb

_QUALITY = 90
_FULL_QUALITY = 95


@dataclass(frozen=True)
class Preview:
    """An encoded picture.

    Attributes
    ----------
    content : bytes of a file
    media_type : such as image/jpeg
    """

    content: bytes
    media_type: str


def make_preview(path: Path, content: str, side_px: int) -> Preview:
    """Return a picture of which no side is longer.

    Parameters
    ----------
    path : of the image
    content : the first hex digits of the SHA-256 that the file had
    side_px : >= 0; 0 for the size of the image

    Raises
    ------
    ImageReadError : it cannot be read, or the file holds something else by now.

    Notes
    -----
    A file that browsers show alike, and that is small enough, is given as it is. JPEGs are decoded at half, a
    quarter or an eighth of their size where that is enough, which takes a fraction of the time.
    """
    data = read_bytes(path)
    if not hashlib.sha256(data).hexdigest().startswith(content):
        raise ImageReadError(
            f"{path} has changed since it was scored; score it again in a new review"
        )
    media_type = shown_as_it_is(data, path, side_px)
    if media_type is not None:
        return Preview(data, media_type)
    picture = open_image(data, path, at_least_px=side_px)
    if picture.mode == "RGB" and not picture.has_transparency_data:
        _shrink(picture, side_px)  # before it is copied
    picture = PIL.Image.fromarray(to_rgb(picture, path))
    _shrink(picture, side_px)
    quality = _QUALITY if side_px else _FULL_QUALITY
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)  # thin colored defects stay
    return Preview(buffer.getvalue(), "image/jpeg")


def _shrink(picture: PIL.Image.Image, side_px: int) -> None:
    if side_px:
        picture.thumbnail((side_px, side_px), PIL.Image.Resampling.HAMMING, reducing_gap=None)
