"""Image files -> arrays, the same for every format, or one clear error.

Pictures of any mode become RGB a few rows at a time: large ones must not be held twice.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain.images import Image
from defectory.sources.contents import FileContents
from defectory.sources.decoding import open_image, quiet_pillow, read_bytes, read_error

# Pixels of the rows that are converted together.
_STRIP_PX = 2**18


def read_image(path: Path) -> Image:
    """Return (h, w, 3) uint8 RGB.

    Notes
    -----
    The EXIF orientation is applied. Of several frames the first is read. Gray is repeated over the
    channels; palettes, CMYK, YCbCr and 1-bit are converted. Transparency is composited on white,
    as a page shows it: the colors that hide under transparent pixels are arbitrary. 16-bit gray
    is divided by 257 (all of 0..65535 onto 0..255), never stretched image by image, which would
    make equal parts look different. Floating point has to lie in 0..1.

    Raises
    ------
    ImageReadError : the file is missing, empty, truncated, not an image of a format in `FORMATS`, of
        more than `MAX_PIXELS` or of a range that has no agreed meaning.
    """
    return to_rgb(open_image(read_bytes(path), path), path)


def to_rgb(image: Pillow.Image, path: Path) -> Image:
    """Return (h, w, 3) uint8 RGB of a decoded picture; see `read_image`."""
    try:
        with quiet_pillow:
            return as_rgb(image)
    except Exception as error:
        raise read_error(path, error) from error


class FileImages:
    """Images in files, behind the ImageSource protocol. Threads may read at once.

    Parameters
    ----------
    paths : the image files; none is opened before `read`
    max_kept_bytes : >= 0, of the files that are kept in memory; see FileContents
    """

    def __init__(self, paths: Sequence[Path | str], *, max_kept_bytes: int = 0) -> None:
        self.paths = tuple(map(Path, paths))
        self._contents = FileContents(max_kept_bytes)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`, each (h, w, 3) uint8 RGB; raise ImageReadError."""
        paths = [self.paths[i] for i in indices]
        return [to_rgb(open_image(self._contents.read(path), path), path) for path in paths]

    def fingerprint(self, index: int) -> str:
        """Return the SHA-256 of the file's bytes; raise ImageReadError."""
        return self._contents.fingerprint(self.paths[index])


def as_rgb(picture: Pillow.Image) -> Image:
    """Return (h, w, 3) uint8 RGB; see `read_image` for what each mode becomes.

    Raises
    ------
    ValueError : integers or floating point of a range that has no agreed meaning.

    Notes
    -----
    Holds three bytes a pixel beside the picture itself.
    """
    if _is_float(picture) or _is_integer(picture):
        _check_range(picture)
    pixels: Image = np.empty((picture.height, picture.width, 3), np.uint8)
    for top, strip in strips(picture):
        pixels[top : top + strip.height] = _strip_as_rgb(strip)
    return pixels


def strips(picture: Pillow.Image) -> Iterator[tuple[int, Pillow.Image]]:
    """Yield the picture a few rows at a time, each with its first row."""
    n_rows = max(1, _STRIP_PX // picture.width)
    for top in range(0, picture.height, n_rows):
        bottom = min(top + n_rows, picture.height)
        yield top, picture.crop((0, top, picture.width, bottom))


def _strip_as_rgb(strip: Pillow.Image) -> NDArray[np.uint8]:
    if _is_float(strip):
        return np.asarray(np.rint(np.asarray(strip) * 255), np.uint8)[:, :, None]
    if _is_integer(strip):
        values = np.asarray(strip).astype(np.int64)
        return ((values + 128) // 257).astype(np.uint8)[:, :, None]
    if strip.has_transparency_data:
        white = Pillow.new("RGBA", strip.size, "white")
        strip = Pillow.alpha_composite(white, strip.convert("RGBA"))
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _check_range(picture: Pillow.Image) -> None:
    """Raise ValueError where values mean nothing that is agreed on."""
    lows, highs = [], []
    for _, strip in strips(picture):
        values = np.asarray(strip)
        lows.append(values.min())  # not a number, where one is none
        highs.append(values.max())
    low, high = np.min(lows), np.max(highs)
    if _is_integer(picture):
        if low < 0 or high > 65535:
            raise ValueError(f"32-bit values {low}..{high}; save it with 8 or 16 bits a channel")
    elif not (low >= 0 and high <= 1):
        raise ValueError(
            f"floating-point values {low:.4g}..{high:.4g}, not in 0..1; "
            "save it with 8 or 16 bits a channel"
        )


def _is_float(picture: Pillow.Image) -> bool:
    return picture.mode == "F"


def _is_integer(picture: Pillow.Image) -> bool:
    return picture.mode.startswith("I")
