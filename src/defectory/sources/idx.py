"""The IDX format of MNIST and its followers: many small images, or their labels, in one file."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from defectory.domain import DataError, ParameterError
from defectory.domain.images import Image
from defectory.sources.decoding import read_bytes

MAX_IDX_BYTES = 2**30
"""Files of more content are refused; EMNIST, the largest of the family, has half of it."""

_GZIP_MAGIC = b"\x1f\x8b"
_UINT8 = 8
_MAX_AXES = 4
_PART_BYTES = 2**20
# What deflate can make of one byte, at most.
_MAX_INFLATION = 1032


def is_idx_name(path: Path) -> bool:
    """Whether a file is named like an IDX file: ...-idx3-ubyte, .idx, either with .gz behind."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".idx", "-ubyte", ".idx3", ".idx1"))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, gzipped or not.

    Raises
    ------
    DataError : it is no such file, is cut off, larger than `MAX_IDX_BYTES`, or of another type.

    Notes
    -----
    A gzipped file is inflated no further than its header promises.
    """
    content = read_bytes(path)
    is_packed = content.startswith(_GZIP_MAGIC)
    stream: BinaryIO = io.BytesIO(content)
    if is_packed:
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    try:
        shape = _read_header(stream, path)
        size = prod(shape)
        most = _MAX_INFLATION * len(content) if is_packed else len(content)
        if size > most:
            raise DataError(
                f"{path} is cut off: its header promises {shape}, more than it can hold"
            )
        if size > MAX_IDX_BYTES:
            raise DataError(
                f"{path} promises {shape} values; at most {MAX_IDX_BYTES / 1e9:.1f} GB are read"
            )
        # one byte more than promised tells a file that is too long, and checks its sum
        data = _read_up_to(stream, size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if len(data) != size:
        follow = "more" if len(data) > size else len(data)
        raise DataError(
            f"{path} is cut off or too long: its header promises {shape}, and {follow} bytes follow"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_up_to(stream: BinaryIO, size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        part = stream.read(min(_PART_BYTES, size - len(data)))  # of all at once room is made first
        if not part:
            break
        data += part
    return data


def _read_header(stream: BinaryIO, path: Path) -> tuple[int, ...]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or not 1 <= start[3] <= _MAX_AXES:
        raise DataError(f"{path} is no IDX file: it does not begin like one")
    kind, n_axes = start[2], start[3]
    if kind != _UINT8:
        raise DataError(
            f"{path} holds values of IDX type {kind:#04x}; only unsigned bytes are read"
        )
    sizes = stream.read(4 * n_axes)
    if len(sizes) < 4 * n_axes:
        raise DataError(f"{path} is cut off or too long: it ends within its header")
    return tuple(int.from_bytes(sizes[at : at + 4], "big") for at in range(0, len(sizes), 4))


class IdxImages:
    """Images of an IDX file in memory, behind the ImageSource protocol.

    Parameters
    ----------
    pixels : (n, h, w) or (n, h, w, 3) uint8; gray is repeated over the channels when read

    Raises
    ------
    ParameterError : the array has another shape.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        is_gray, is_rgb = pixels.ndim == 3, pixels.ndim == 4 and pixels.shape[-1] == 3
        if not (is_gray or is_rgb) or 0 in pixels.shape:
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


def _as_rgb(image: NDArray[np.uint8]) -> Image:
    return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
