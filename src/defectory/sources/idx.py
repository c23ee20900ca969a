"""The IDX format of MNIST and its followers: many small images, or their labels, in one file."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import DataError, ParameterError
from defectory.domain.images import Image
from defectory.sources.images import read_bytes

_GZIP_MAGIC = b"\x1f\x8b"
_UINT8 = 8


def is_idx_name(path: Path) -> bool:
    """Whether a file is named like an IDX file: ...-idx3-ubyte, .idx, either with .gz behind."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".idx", "-ubyte", ".idx3", ".idx1"))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, gzipped or not.

    Raises
    ------
    DataError : it is no such file, is cut off, or holds values of another type.
    """
    data = _inflate(read_bytes(path), path)
    if len(data) < 4 or data[:2] != b"\0\0" or not 1 <= data[3] <= 4:
        raise DataError(f"{path} is no IDX file: it does not begin like one")
    kind, n_axes = data[2], data[3]
    if kind != _UINT8:
        raise DataError(
            f"{path} holds values of IDX type {kind:#04x}; only unsigned bytes are read"
        )
    start = 4 + 4 * n_axes
    shape = tuple(int.from_bytes(data[at : at + 4], "big") for at in range(4, start, 4))
    if len(data) != start + prod(shape):
        raise DataError(
            f"{path} is cut off or too long: its header promises {shape}, "
            f"and {max(0, len(data) - start)} bytes follow"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


class IdxImages:
    """Images of an IDX file in memory, behind the ImageSource protocol.

    Parameters
    ----------
    pixels : (n, h, w) or (n, h, w, 3) uint8; grey is repeated over the channels when read

    Raises
    ------
    ParameterError : the array has another shape.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        is_grey, is_rgb = pixels.ndim == 3, pixels.ndim == 4 and pixels.shape[-1] == 3
        if not (is_grey or is_rgb) or 0 in pixels.shape:
            raise ParameterError(f"images of shape {pixels.shape}; give (n, h, w) or (n, h, w, 3)")
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._pixels)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`, each (h, w, 3) uint8 RGB."""
        return [_as_rgb(self._pixels[i]) for i in indices]

    def fingerprint(self, index: int) -> str:
        """Return a hash of the pixels and the shape."""
        image = self._pixels[index]
        return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()


def _inflate(data: bytes, path: Path) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from error


def _as_rgb(image: NDArray[np.uint8]) -> Image:
    return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
