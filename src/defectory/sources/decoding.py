"""Files -> decoded pictures: a short list of formats, bounded sizes, one clear error.

Pillow warns of odd but readable files; the data doctor says what matters of them.
"""

import io
import stat
import warnings
from contextlib import ExitStack
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from defectory.domain import ImageReadError
from defectory.machine.shared_settings import SharedSetting

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "WEBP", "GIF", "PPM")
"""Formats that are read, as Pillow calls them: those of cameras and inspection systems (JPEG holds MPO). The
others that Pillow opens are left alone: rare decoders are where holes are, and some (EPS) start programs."""

EXTENSIONS = frozenset(
    [
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".webp",
        ".gif",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
"""File endings that are taken for images, lower case; the content decides about the format."""

MAX_PIXELS = 178_956_970
"""Images of more pixels are refused (Pillow's own limit, 13,377 x 13,377)."""

MAX_FILE_BYTES = 2 * 2**30
"""Larger files are refused."""

_EXIF_ORIENTATION = 0x0112
_ON_THEIR_SIDE = (5, 6, 7, 8)
_PNG_ORIENTATIONS = (b"eXIf", b"Raw profile type exif", b"Orientation")
_MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg"}


class _QuietPillow(SharedSetting):
    """Ignores warnings that Pillow raises; the filters of `warnings` belong to the process."""

    def __init__(self) -> None:
        super().__init__()
        self._filters = ExitStack()

    def _change(self) -> None:
        self._filters.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module=r"PIL\b")

    def _restore(self) -> None:
        self._filters.close()


quiet_pillow = _QuietPillow()
"""Use as `with quiet_pillow:`; threads may be inside at once."""


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; ImageReadError where it is no file, too large or cannot be read."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageReadError(f"cannot read {path}: it is a directory, not a file")
        if not stat.S_ISREG(status.st_mode):  # a pipe or device might never end
            raise ImageReadError(f"cannot read {path}: it is not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise ImageReadError(
                f"cannot read {path}: {status.st_size / 1e9:.1f} GB are more than the "
                f"{MAX_FILE_BYTES / 1e9:.1f} GB that are read"
            )
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageReadError(f"cannot read {path}: {reason}") from error


def open_image(
    data: bytes, path: Path, *, at_least_px: int = 0, max_pixels: int | None = None
) -> Pillow.Image:
    """Return the decoded first frame, upright, in the mode of the file.

    Parameters
    ----------
    data : the content of the file
    path : named in errors
    at_least_px : >= 0, longer side of a picture that is wanted smaller: a JPEG may come at half, a quarter or
        an eighth of its size, in a fraction of the time; 0 for all pixels
    max_pixels : > 0, images of more are refused before they are decoded; None for `MAX_PIXELS`

    Raises
    ------
    ImageReadError : it is empty, truncated, of a format or size that is not read.

    Notes
    -----
    `format` of what comes back is the file's; `info["has_more_frames"]` says whether it holds more.
    """
    if not data:
        raise ImageReadError(f"cannot read {path}: the file is empty (0 bytes)")
    try:
        with quiet_pillow:
            image = Pillow.open(io.BytesIO(data), formats=FORMATS)
            _check_size(image, path, MAX_PIXELS if max_pixels is None else max_pixels)
            if at_least_px:
                image.draft(None, _fitting(image.size, at_least_px))
            image.load()
            has_more_frames = _has_more_frames(image)
            ImageOps.exif_transpose(image, in_place=True)  # a copy would hold the pixels twice
            image.info["has_more_frames"] = has_more_frames
            return image
    except ImageReadError:
        raise
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise read_error(path, error) from error


def shown_as_it_is(data: bytes, path: Path, side_px: int) -> str | None:
    """Return the media type of a file that browsers show with the pixels that we read; None for any other.

    Parameters
    ----------
    data : the content of the file
    path : named in errors
    side_px : >= 0; of pictures with a longer side, None comes back; 0 for any size

    Raises
    ------
    ImageReadError : it is no image of a format that is read, or too large.
    """
    try:
        with quiet_pillow, Pillow.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image, path, MAX_PIXELS)
            is_plain = (
                image.mode in ("L", "RGB")
                and not image.has_transparency_data
                and "icc_profile" not in image.info
                and "gamma" not in image.info
                and not _may_be_turned(image, data)
            )
            if not is_plain or (side_px and max(image.size) > side_px):
                return None
            return _MEDIA_TYPES.get(image.format or "")
    except ImageReadError:
        raise
    except Exception as error:
        raise read_error(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Return the (height, width) of the upright image, from the file's header; ImageReadError."""
    try:
        with quiet_pillow, Pillow.open(path, formats=FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION) in _ON_THEIR_SIDE
            # by a tag of its own, Pillow gives the size of a TIFF upright, and leaves the tag there
            turned = turned and _EXIF_ORIENTATION not in getattr(image, "tag_v2", ())
    except Exception as error:
        raise read_error(path, error) from error
    return (width, height) if turned else (height, width)


def read_error(path: Path, error: Exception) -> ImageReadError:
    """Return what went wrong in one line."""
    if isinstance(error, UnidentifiedImageError):
        return ImageReadError(
            f"cannot read {path}: not an image in a format that is known here "
            "(PNG, JPEG, TIFF, BMP, WebP, GIF, PPM), or its beginning is damaged"
        )
    if isinstance(error, Pillow.DecompressionBombError):
        return ImageReadError(
            f"cannot read {path}: too many pixels; at most {MAX_PIXELS / 1e6:.0f} million are read"
        )
    if isinstance(error, MemoryError):
        return ImageReadError(f"cannot read {path}: out of memory")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    line = " ".join(reason.split())
    return ImageReadError(f"cannot read {path}: {line or type(error).__name__}")


def _may_be_turned(image: Pillow.Image, data: bytes) -> bool:
    """Return whether the file may say that it lies on its side."""
    if image.format == "PNG" and not any(mark in data for mark in _PNG_ORIENTATIONS):
        return False  # to be sure of it, Pillow would decode the whole picture
    return bool(image.getexif().get(_EXIF_ORIENTATION, 1) != 1)


def _fitting(size: tuple[int, int], side_px: int) -> tuple[int, int]:
    """Return a size of the same aspect whose longer side is so long."""
    longest = max(size)
    return max(1, size[0] * side_px // longest), max(1, size[1] * side_px // longest)


def _has_more_frames(image: Pillow.Image) -> bool:
    if image.format == "MPO":  # the second picture is a camera's preview or other eye
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # a damaged second frame does no harm to the first
        return False


def _check_size(image: Pillow.Image, path: Path, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageReadError(
            f"cannot read {path}: too many pixels, {width} x {height}; "
            f"at most {max_pixels / 1e6:.3g} million are read"
        )
