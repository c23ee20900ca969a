"""Files of usual formats that say of themselves that we wrote them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from defectory import __version__
from defectory.storage.outputs import FileKind

GENERATOR_KEY = "generator"
GENERATOR = f"defectory {__version__}"
"""First entry of a JSON object of ours."""

_PAGE_MARK = b'<meta name="generator" content="defectory">'
_HEAD_BYTES = 4096
_MAX_BYTES = 256 * 2**20


def html_page(name: str) -> FileKind:
    """Return the kind of a page whose head names us as its generator; see FileKind."""

    def is_ours(path: Path) -> bool:
        with path.open("rb") as file:
            return _PAGE_MARK in file.read(_HEAD_BYTES)

    return FileKind(name, is_ours)


def json_object(name: str) -> FileKind:
    """Return the kind of a JSON object with GENERATOR among its entries; see FileKind."""

    def is_ours(path: Path) -> bool:
        data = json.loads(_read(path))
        return isinstance(data, dict) and str(data.get(GENERATOR_KEY)).startswith("defectory ")

    return FileKind(name, is_ours)


def json_lines(name: str, is_our_row: Callable[[dict[str, Any]], bool]) -> FileKind:
    """Return the kind of a file of JSON objects, one a line, each of our form; see FileKind."""

    def is_ours(path: Path) -> bool:
        rows = [json.loads(line) for line in _read(path).splitlines()]
        return bool(rows) and all(isinstance(row, dict) and is_our_row(row) for row in rows)

    return FileKind(name, is_ours)


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{path} is larger than what we write")
    return path.read_bytes()
