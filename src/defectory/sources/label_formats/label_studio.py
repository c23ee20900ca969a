"""Label Studio: a JSON list of tasks, with choices on whole images and regions of several kinds."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import msgspec

from defectory.domain import DataError, MaskError
from defectory.sources.files import is_image_name
from defectory.sources.label_formats.annotations import AnnotatedImage, Annotation, ReadLabels
from defectory.sources.label_formats.brush_packing import pack_brush, unpack_brush
from defectory.sources.label_formats.exported import ExportedImage
from defectory.sources.label_formats.label_files import as_typed, shape_of, size_of
from defectory.sources.label_formats.shapes import (
    Bitmap,
    Shape,
    check_number,
    make_box,
    make_ellipse,
    make_polygon,
)
from defectory.storage import FileKind
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY

NAME = "label-studio"
_HEAD_BYTES = 256
# what uploads are called: number of the project, eight letters of a hash, a hyphen, the name
_UPLOADED = re.compile(r"(?:^|/)upload/(?:\d+/)?(?:[0-9a-f]{8}-)?([^/]+)$")
_LOCAL_FILES = "/data/local-files/"
_N_NAMED = 5
_OUR_HEAD = f'[\n{{"meta": {{"{GENERATOR_KEY}": "defectory '


class _Result(msgspec.Struct):
    type: str
    value: dict[str, Any] = {}  # a relation of two regions has none
    original_width: float | None = None
    original_height: float | None = None


class _Annotation(msgspec.Struct):
    result: list[Any] | None = None
    was_cancelled: bool | None = None


class _Task(msgspec.Struct):
    data: dict[str, Any]
    annotations: list[_Annotation] | None = None
    completions: list[_Annotation] | None = None


class _Box(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float
    rotation: float | None = None


class _Ellipse(msgspec.Struct, rename="camel"):
    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float | None = None


class _Polygon(msgspec.Struct):
    points: list[tuple[float, float]]


class _Brush(msgspec.Struct):
    rle: list[int]
    format: str = "rle"


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).startswith(_OUR_HEAD.encode())


KIND = FileKind("labels in Label Studio format", _is_ours)


def is_label_studio(data: Any) -> bool:
    """Return whether a JSON text looks like Label Studio's export."""
    return isinstance(data, list) and all(isinstance(task, dict) for task in data[:10])


def read_label_studio(path: Path, data: Any) -> ReadLabels:
    """Return what an export says: an entry for each annotation of a task.

    Raises
    ------
    DataError : entries are missing or of another type.
    MaskError : a region is damaged.
    """
    images: list[AnnotatedImage] = []
    ignored: Counter[str] = Counter()
    for at, raw in enumerate(data):
        where = f"{path}, task {at + 1}"
        task = as_typed(raw, _Task, where, "export (JSON) of Label Studio")
        name = _image_name(task, where)
        given = task.annotations if task.annotations is not None else task.completions
        annotations = [one for one in given or () if not one.was_cancelled]
        images += [_read_annotation(one, name, where, ignored) for one in annotations]
        if not annotations:
            images.append(AnnotatedImage(name))
    notes = []
    if ignored:
        listed = ", ".join(f"{n} {kind}" for kind, n in ignored.most_common(_N_NAMED))
        notes.append(f"results that say nothing of defects here are passed over: {listed}")
    return ReadLabels(NAME, images, tuple(notes))


def write_label_studio(images: Iterable[ExportedImage], path: Path) -> None:
    """Write tasks of local files, paths below the data set's folder; masks as the brush packs them."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, image in enumerate(images, start=1):
            head = _head() if number == 1 else "{"
            file.write(("," if number > 1 else "") + "\n" + head)
            file.write(json.dumps(_task(image, number))[1:])
        file.write("\n]\n")


def _read_annotation(
    annotation: _Annotation, name: str, where: str, ignored: Counter[str]
) -> AnnotatedImage:
    verdicts: list[str] = []
    found: list[Annotation] = []
    size: tuple[int, int] | None = None
    for raw in annotation.result or ():
        result = as_typed(raw, _Result, where, "export of Label Studio")
        words = _words(result)
        if result.type == "choices":
            verdicts += words
            continue
        if result.type not in _SHAPES or not words:
            ignored[result.type] += 1
            continue
        own_size = size_of(result.original_height, result.original_width)
        if own_size is None:
            raise DataError(f"{where}: a {result.type} has no original_width and original_height")
        if size not in (None, own_size):
            raise DataError(f"{where}: its regions are of images of several sizes")
        size = own_size
        shape = _shape(result, size, where, name)
        found += [Annotation(word, shape) for word in words]
    return AnnotatedImage(name, size, verdicts, found)


def _words(result: _Result) -> list[str]:
    words = result.value.get(result.type) or result.value.get("labels") or []
    if not isinstance(words, list):
        words = [words]
    return [word for word in words if isinstance(word, str)]


def _shape(result: _Result, size: tuple[int, int], where: str, name: str) -> Shape | None:
    kind, make = _SHAPES[result.type]
    value = as_typed(result.value, kind, where, f"region ({result.type}) of Label Studio")
    return shape_of(lambda: make(value, size), where, name)


def _box(box: _Box, size: tuple[int, int]) -> Shape | None:
    for number in (box.x, box.y, box.width, box.height):
        check_number(number)
    h, w = (side / 100 for side in size)
    left, top = box.x * w, box.y * h
    right, bottom = left + box.width * w, top + box.height * h
    return make_box(left, top, right, bottom, degrees=box.rotation or 0, around=(left, top))


def _ellipse(e: _Ellipse, size: tuple[int, int]) -> Shape | None:
    h, w = (side / 100 for side in size)
    return make_ellipse(e.x * w, e.y * h, e.radius_x * w, e.radius_y * h, e.rotation or 0)


def _polygon(polygon: _Polygon, size: tuple[int, int]) -> Shape | None:
    h, w = (side / 100 for side in size)
    return make_polygon((v for point in polygon.points for v in point), scale=(w, h))


def _brush(brush: _Brush, size: tuple[int, int]) -> Shape:
    if brush.format != "rle":
        raise MaskError(f"a brush in the format {brush.format!r} is not read")
    return Bitmap(*size, lambda: unpack_brush(brush.rle, size))


_SHAPES: dict[str, tuple[type[Any], Any]] = {
    "rectanglelabels": (_Box, _box),
    "ellipselabels": (_Ellipse, _ellipse),
    "polygonlabels": (_Polygon, _polygon),
    "brushlabels": (_Brush, _brush),
}


def _image_name(task: _Task, where: str) -> str:
    """Return the path of a task's image: its entry `image`, else the one that is named like an image."""
    texts = {key: value for key, value in task.data.items() if isinstance(value, str)}
    names = {key: _path_of(value) for key, value in texts.items()}
    if "image" in names:
        return names["image"]
    found = [name for name in names.values() if is_image_name(Path(name))]
    if len(found) != 1:
        raise DataError(f"{where}: its data name {len(found)} images, not one")
    return found[0]


def _path_of(address: str) -> str:
    """Return the path in an address; of an upload, the name before it was uploaded."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    if parts.path.startswith(_LOCAL_FILES):
        return (
            parse_qs(parts.query, errors="surrogateescape").get("d", [""])[0].replace("\\", "/")
            or address
        )
    is_address = bool(parts.scheme and parts.netloc)
    path = unquote(parts.path) if is_address or address.startswith("/data/") else address
    path = path.replace("\\", "/")
    uploaded = _UPLOADED.search(path)
    return uploaded[1] if uploaded else path


def _head() -> str:
    return json.dumps({"meta": {GENERATOR_KEY: GENERATOR}})[:-1] + ", "


def _task(image: ExportedImage, number: int) -> dict[str, Any]:
    height, width = image.size
    place = {"to_name": "image", "original_width": width, "original_height": height}
    results: list[dict[str, Any]] = []
    if image.verdict is not None:
        choices = {"choices": [image.verdict]}
        results.append({**place, "from_name": "choice", "type": "choices", "value": choices})
    if image.mask is not None:
        brush = {"format": "rle", "rle": pack_brush(image.mask), "brushlabels": [image.category]}
        results.append({**place, "from_name": "label", "type": "brushlabels", "value": brush})
    for at, result in enumerate(results):
        result["id"] = f"{number}-{at}"
    return {
        "id": number,
        "data": {"image": f"{_LOCAL_FILES}?d={quote(image.name, errors='surrogateescape')}"},
        "annotations": [{"id": number, "result": results}] if results else [],
    }
