"""Files of label tools, read bounded and typed; damaged ones end in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from defectory.domain import DataError, MaskError
from defectory.domain.errors import one_line
from defectory.sources.label_formats.shapes import Shape

MAX_BYTES = 256 * 2**20
"""Larger files are refused."""

_Made = TypeVar("_Made")


def read_label_bytes(path: Path) -> bytes:
    """Return the bytes of a file; DataError where it is none, too large or cannot be read."""
    try:
        if not path.is_file():
            raise DataError(f"cannot read {path}: it is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} has more than {MAX_BYTES // 2**20} MB; export it in parts")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def parse_json(data: bytes, path: Path) -> Any:
    """Return what a JSON text holds; DataError."""
    try:
        return json.loads(data)
    except RecursionError as error:
        raise DataError(f"{path} is no JSON that is read: it is nested too deeply") from error
    except ValueError as error:  # bytes that are no text, numbers of too many digits, ...
        raise DataError(f"{path} is not JSON, or damaged: {one_line(error)}") from error


def as_typed(data: Any, kind: type[_Made], where: Path | str, what: str) -> _Made:
    """Return JSON data from somewhere as an object of a kind.

    Raises
    ------
    DataError : an entry is missing or of another type; says which.
    """
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError, OverflowError, UnicodeError) as error:
        raise DataError(f"{where} is no {what} that is read: {one_line(error)}") from error


def shape_of(make: Callable[[], Shape | None], where: Path | str, name: str) -> Shape | None:
    """Return the shape that `make` returns; an error says where and on which image it is."""
    try:
        return make()
    except (MaskError, OverflowError) as error:
        raise MaskError(f"{where}, image {one_line(Exception(name))}: {error}") from error


def size_of(height: float | None, width: float | None) -> tuple[int, int] | None:
    """Return (height, width) where both are whole numbers above 0, else None."""
    if not height or not width or min(height, width) < 1:
        return None
    if not (float(height).is_integer() and float(width).is_integer()):
        return None
    return int(height), int(width)
