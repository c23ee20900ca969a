"""Image files -> arrays, the same for every format, or one clear error."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain.images import Image
from defectory.sources.decoding import open_image, read_bytes, read_error
from defectory.sources.quiet_pillow import quiet_pillow


def read_image(path: Path) -> Image:
    """Return (h, w, 3) uint8 RGB.

    Notes
    -----
    The EXIF orientation is applied. Of several frames the first is read. Grey is repeated over the
    channels; palettes, CMYK, YCbCr and 1-bit are converted. Transparency is composited on white,
    as a page shows it: the colors that hide under transparent pixels are arbitrary. 16-bit grey
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
            return _as_rgb(image)
    except Exception as error:
        raise read_error(path, error) from error


class FileImages:
    """Images in files, behind the ImageSource protocol. Threads may read at once.

    Parameters
    ----------
    paths : the image files; none is opened before `read`
    """

    def __init__(self, paths: Sequence[Path | str]) -> None:
        self.paths = tuple(map(Path, paths))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`, each (h, w, 3) uint8 RGB; raise ImageReadError."""
        return [read_image(self.paths[i]) for i in indices]

    def fingerprint(self, index: int) -> str:
        """Return the SHA-256 of the file's bytes; raise ImageReadError."""
        return hashlib.sha256(read_bytes(self.paths[index])).hexdigest()


def _as_rgb(image: Pillow.Image) -> Image:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _float_to_uint8(image) if image.mode == "F" else _integers_to_uint8(image)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        white = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _integers_to_uint8(image: Pillow.Image) -> NDArray[np.uint8]:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"32-bit values {values.min()}..{values.max()}; save it with 8 or 16 bits a channel"
        )
    return ((values.astype(np.int32) + 128) // 257).astype(np.uint8)


def _float_to_uint8(image: Pillow.Image) -> NDArray[np.uint8]:
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"floating-point values {values.min():.4g}..{values.max():.4g}, not in 0..1; "
            "save it with 8 or 16 bits a channel"
        )
    return np.asarray(np.rint(values * 255), np.uint8)
