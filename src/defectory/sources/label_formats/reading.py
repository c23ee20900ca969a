"""Files of label tools -> what they say; the format is found by content."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from defectory.domain import DataError, ParameterError
from defectory.sources.files import is_manifest_name
from defectory.sources.label_formats import coco, cvat, label_studio, labelme
from defectory.sources.label_formats.annotations import ReadLabels
from defectory.sources.label_formats.label_files import parse_json, read_label_bytes


@dataclass(frozen=True)
class _JsonFormat:
    is_it: Callable[[Any], bool]
    read: Callable[[Path, Any], ReadLabels]


_JSON = {
    coco.NAME: _JsonFormat(coco.is_coco, coco.read_coco),
    labelme.NAME: _JsonFormat(labelme.is_labelme, labelme.read_labelme),
    label_studio.NAME: _JsonFormat(label_studio.is_label_studio, label_studio.read_label_studio),
}

# marks of UTF-8 and UTF-16, blanks
_BEFORE_TEXT = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"

FORMATS = (coco.NAME, labelme.NAME, cvat.NAME, label_studio.NAME)
"""Names of the formats that are read."""


def read_labels(path: Path | str, format_name: str | None = None) -> ReadLabels:
    """Return what a file of labels says, or a folder of LabelMe's files.

    Parameters
    ----------
    path : to read
    format_name : one of FORMATS; None finds it by content

    Raises
    ------
    DataError : nothing is there, it is of none of the formats or not of this one, or damaged.
    MaskError : a polygon or mask is damaged.
    ParameterError : no such format.
    """
    path = Path(path)
    if format_name is not None and format_name not in FORMATS:
        raise ParameterError(f"unknown format {format_name!r}; known: {', '.join(FORMATS)}")
    if not path.exists():
        raise DataError(f"no such file or folder: {path}")
    if path.is_dir():
        if format_name not in (None, labelme.NAME):
            raise DataError(f"{path} is a folder; give the file that the tool exported")
        return labelme.read_labelme(path)
    data = read_label_bytes(path)
    _check_container(path, data)
    if format_name == cvat.NAME or (format_name is None and cvat.is_cvat(data)):
        return cvat.read_cvat(path, data)
    if format_name is None and not data.lstrip(_BEFORE_TEXT).startswith((b"{", b"[")):
        raise DataError(f"{path} is {_none_of_them(path)}")
    content = parse_json(data, path)
    if format_name is not None:
        return _JSON[format_name].read(path, _checked(content, path, format_name))
    for known in _JSON.values():
        if known.is_it(content):
            return known.read(path, content)
    raise DataError(f"{path} is {_none_of_them(path)}")


def _checked(content: Any, path: Path, format_name: str) -> Any:
    if not _JSON[format_name].is_it(content):
        raise DataError(f"{path} is not in the format {format_name}")
    return content


def _check_container(path: Path, data: bytes) -> None:
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        raise DataError(f"{path} is an archive; unpack it and give the file of labels in it")
    if not data.strip():
        raise DataError(f"{path} is empty")


def _none_of_them(path: Path) -> str:
    if is_manifest_name(path):
        return (
            f"in none of the formats {', '.join(FORMATS)}; a list of images (CSV or JSONL) needs no import: "
            "give it to fit, update or evaluate"
        )
    return f"in none of the formats {', '.join(FORMATS)}"
