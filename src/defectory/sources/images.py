"""Image and mask files -> arrays, the same for every format, or one clear error."""

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from defectory.domain import ImageReadError, MaskError, ParameterError
from defectory.domain.images import Image, Mask
from defectory.sources.quiet_pillow import quiet_pillow

# Not pictures of pixels, or read by starting another program (EPS starts Ghostscript).
_NOT_PIXELS = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
_LOSSY = {"JPEG", "MPO", "WEBP", "AVIF", "JPEG2000"}
_EXIF_ORIENTATION = 0x0112


@cache
def image_formats() -> frozenset[str]:
    """Return the names of the formats that are read, as Pillow calls them."""
    Pillow.init()
    return frozenset(Pillow.OPEN) - _NOT_PIXELS


@cache
def image_extensions() -> frozenset[str]:
    """Return the file extensions that are taken for images: lower case, with the dot."""
    formats = image_formats()
    return frozenset(e for e, name in Pillow.registered_extensions().items() if name in formats)


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
    ImageReadError : the file is missing, empty, truncated, not an image, of more pixels than
        Pillow's limit (about 179 million) or of a range that has no agreed meaning.
    """
    return decode_image(read_bytes(path), path)[0]


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raise ImageReadError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageReadError(f"cannot read {path}: {error.strerror or error}") from error


def decode_image(data: bytes, path: Path) -> tuple[Image, str]:
    """Return (h, w, 3) uint8 RGB of the content of a file, and the file's mode; see `read_image`.

    The mode tells channels and depth as Pillow calls them: "L", "RGB", "I;16", ...
    """
    image = open_image(data, path)
    try:
        with quiet_pillow:
            return _as_rgb(image), image.mode
    except Exception as error:
        raise _read_error(path, error) from error


def open_image(data: bytes, path: Path) -> Pillow.Image:
    """Return the decoded first frame, upright, in the mode of the file; raise ImageReadError."""
    if not data:
        raise ImageReadError(f"cannot read {path}: the file is empty (0 bytes)")
    try:
        with (
            quiet_pillow,
            Pillow.open(io.BytesIO(data), formats=sorted(image_formats())) as image,
        ):
            image.load()
            name = image.format
            upright = ImageOps.exif_transpose(image)
            upright.format = name
            return upright
    except Exception as error:  # decoders of damaged files raise nearly everything
        raise _read_error(path, error) from error


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


class FileMasks:
    """Masks in files, behind the MaskSource protocol. Threads may read at once.

    Parameters
    ----------
    image_paths : the image files
    mask_paths : their masks, in the same order; None where there is none

    Raises
    ------
    ParameterError : the two differ in length.
    """

    def __init__(
        self, image_paths: Sequence[Path | str], mask_paths: Sequence[Path | str | None]
    ) -> None:
        if len(image_paths) != len(mask_paths):
            raise ParameterError(f"{len(image_paths)} images but {len(mask_paths)} masks")
        self._image_paths = tuple(map(Path, image_paths))
        self.paths = tuple(None if path is None else Path(path) for path in mask_paths)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Mask | None:
        """Return (h, w) bool of the size of its image, or None where there is no mask.

        Raises
        ------
        MaskError : the mask cannot be read or has another size than its image.
        ImageReadError : the image, whose size is needed, cannot be read.
        """
        path = self.paths[index]
        if path is None:
            return None
        mask = read_mask(path)
        check_mask_size(mask, path, _image_size(self._image_paths[index]), self._image_paths[index])
        return mask


def read_mask(path: Path) -> Mask:
    """Return (h, w) bool, True where the mask marks a defect.

    Notes
    -----
    Any value but zero (in palettes: any color but black) marks a defect, so 0/1, 0/255 and class
    numbers all work; transparent is not marked. In formats with loss (JPEG, WebP, AVIF, JPEG 2000),
    whose zeros are noisy, only values above 127 do.

    Raises
    ------
    MaskError : the file is missing or not an image.
    """
    try:
        image = open_image(read_bytes(path), path)
        with quiet_pillow:
            values = _mask_values(image)
    except ImageReadError as error:
        raise MaskError(f"mask: {error}") from error
    except Exception as error:
        raise MaskError(f"mask: {_read_error(path, error)}") from error
    return np.asarray(values > 127 if image.format in _LOSSY else values != 0)


def check_mask_size(
    mask: Mask, mask_path: Path, image_size: tuple[int, int], image_path: Path
) -> None:
    """Raise MaskError unless the mask has the image's (height, width)."""
    if mask.shape != image_size:
        (mask_h, mask_w), (image_h, image_w) = mask.shape, image_size
        raise MaskError(
            f"mask {mask_path} is {mask_w} x {mask_h} px but its image {image_path} is "
            f"{image_w} x {image_h} px (width x height); draw it at the size of the image"
        )


def _as_rgb(image: Pillow.Image) -> Image:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _float_to_uint8(image) if image.mode == "F" else _integers_to_uint8(image)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        white = Pillow.new("RGBA", image.size, "white")
        image = Pillow.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _integers_to_uint8(image: Pillow.Image) -> NDArray[np.uint8]:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(
            f"32-bit values {values.min()}..{values.max()}; save it with 8 or 16 bits a channel"
        )
    return ((values + 128) // 257).astype(np.uint8)


def _float_to_uint8(image: Pillow.Image) -> NDArray[np.uint8]:
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"floating-point values {values.min():.4g}..{values.max():.4g}, not in 0..1; "
            "save it with 8 or 16 bits a channel"
        )
    return np.asarray(np.rint(values * 255), np.uint8)


def _mask_values(image: Pillow.Image) -> NDArray[np.float64]:
    """Return (h, w): the strongest channel, on black where transparent."""
    if image.mode == "F" or image.mode.startswith("I"):
        return np.asarray(image, np.float64)
    if image.has_transparency_data:
        black = Pillow.new("RGBA", image.size, "black")
        image = Pillow.alpha_composite(black, image.convert("RGBA"))
    return np.asarray(np.asarray(image.convert("RGB")).max(axis=2), np.float64)


def _image_size(path: Path) -> tuple[int, int]:
    """Return the (height, width) of the upright image, from the file's header."""
    try:
        with quiet_pillow, Pillow.open(path, formats=sorted(image_formats())) as image:
            width, height = image.size
            turned = image.getexif().get(_EXIF_ORIENTATION, 1) >= 5
    except Exception as error:
        raise _read_error(path, error) from error
    return (width, height) if turned else (height, width)


def _read_error(path: Path, error: Exception) -> ImageReadError:
    if isinstance(error, UnidentifiedImageError):
        return ImageReadError(f"cannot read {path}: not an image in a format that is known here")
    if isinstance(error, Pillow.DecompressionBombError):
        return ImageReadError(f"cannot read {path}: too many pixels; {error}")
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ImageReadError(f"cannot read {path}: {reason or type(error).__name__}")
