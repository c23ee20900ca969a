"""LabelMe: one JSON an image, with polygons, rectangles and circles; flags speak of the whole image."""

import base64
import json
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np

from defectory.domain import DataError, ImageReadError, MaskError
from defectory.sources.decoding import open_image
from defectory.sources.files import natural_key
from defectory.sources.label_formats.annotations import AnnotatedImage, Annotation, ReadLabels
from defectory.sources.label_formats.exported import ExportedImage
from defectory.sources.label_formats.label_files import (
    as_typed,
    parse_json,
    read_label_bytes,
    shape_of,
    size_of,
)
from defectory.sources.label_formats.outlines import trace_outlines
from defectory.sources.label_formats.run_lengths import values_to_runs
from defectory.sources.label_formats.shapes import (
    MAX_SHAPES,
    Runs,
    Shape,
    check_number,
    make_box,
    make_ellipse,
    make_polygon,
)
from defectory.storage import MARKER_NAME, safe_names

NAME = "labelme"
_VERSION = "5.5.0"
# what macOS writes beside files of some disks
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_MAX_FILES = 1_000_000


class _Shape(msgspec.Struct):
    label: str
    points: list[tuple[float, float]]
    shape_type: str = "polygon"
    mask: str | None = None


class _File(msgspec.Struct, rename="camel"):
    shapes: list[_Shape]
    image_path: str
    image_height: float | None = None
    image_width: float | None = None
    flags: dict[str, Any] | None = None


def is_labelme(data: Any) -> bool:
    """Return whether a JSON text looks like LabelMe."""
    return isinstance(data, dict) and "shapes" in data and "imagePath" in data


def read_labelme(path: Path, data: Any = None) -> ReadLabels:
    """Return what a LabelMe file, or all of a folder at any depth, say; other JSON files are passed over.

    Raises
    ------
    DataError : a file is damaged, or there is none in the folder.
    MaskError : a shape is damaged.
    """
    if not path.is_dir():
        image, ignored = _read_file(path, PurePosixPath(), data)
        return ReadLabels(NAME, [image], _notes(ignored, 0))
    images, total, n_others = [], Counter[str](), 0
    for file in _find_json(path):
        raw = read_label_bytes(file)
        if raw.startswith(_APPLE_DOUBLE):
            continue
        content = parse_json(raw, file)
        if not is_labelme(content):
            n_others += 1
            continue
        below = PurePosixPath(file.relative_to(path).parent.as_posix())
        image, ignored = _read_file(file, below, content)
        images.append(image)
        total += ignored
    if not images:
        raise DataError(
            f"{path} holds no LabelMe files; of another tool, give the file that it exported"
        )
    return ReadLabels(NAME, images, _notes(total, n_others))


def write_labelme(
    images: Iterable[ExportedImage], names: Sequence[str], folder: Path, place: Path
) -> None:
    """Write one JSON an image.

    Parameters
    ----------
    images : to write
    names : of all of them
    folder : to write into
    place : where the folder will lie: paths of images lead from there
    """
    stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
    for image, name in zip(images, safe_names(stems, ".json"), strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(_entry(image, (place / name).parent), indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def _find_json(folder: Path) -> list[Path]:
    """Return the JSON files below a folder; hidden folders and links to folders are passed over."""
    found: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(here, name)
            for name in files
            if name.lower().endswith(".json") and name != MARKER_NAME
        ]
        if len(found) > _MAX_FILES:
            raise DataError(f"{folder} holds more than {_MAX_FILES:,} JSON files")
    return sorted(found, key=natural_key)


def _read_file(path: Path, below: PurePosixPath, data: Any) -> tuple[AnnotatedImage, Counter[str]]:
    """Return what a file says of its image, and how many shapes of which kinds have no area."""
    file = as_typed(data, _File, path, "LabelMe file")
    written = file.image_path.replace("\\", "/")
    name = posixpath.normpath(posixpath.join(str(below), written))
    size = size_of(file.image_height, file.image_width)
    annotations, ignored = [], Counter[str]()
    for shape in file.shapes:
        area = shape_of(lambda s=shape: _area(s), path, name)  # type: ignore[misc]
        annotations.append(Annotation(shape.label, area))
        if area is None:
            ignored[shape.shape_type] += 1
    verdicts = [word for word, is_set in (file.flags or {}).items() if is_set is True]
    return AnnotatedImage(name, size, verdicts, annotations), ignored


def _area(shape: _Shape) -> Shape | None:
    points = shape.points
    kind = shape.shape_type
    is_box = kind in ("rectangle", "rotation") and len(points) == 4  # as X-AnyLabeling writes them
    if kind == "polygon" or is_box:
        return make_polygon((value for point in points for value in point), is_box=is_box)
    if kind in ("rectangle", "circle", "mask") and len(points) != 2:
        raise MaskError(f"a {kind} has {len(points)} points, not 2")
    if kind == "rectangle":
        (x1, y1), (x2, y2) = points
        return make_box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    if kind == "circle":
        (x, y), (on_x, on_y) = points
        radius = float(np.hypot(on_x - x, on_y - y))
        return make_ellipse(x, y, radius, radius)
    if kind == "mask":
        return _pixels(shape)
    return None


def _pixels(shape: _Shape) -> Shape:
    """Return the pixels of a PNG that lies in the JSON."""
    left, top = shape.points[0]
    check_number(left)
    check_number(top)
    try:
        picture = open_image(base64.b64decode(shape.mask or "", validate=True), Path("a mask"))
    except (ValueError, ImageReadError) as error:
        raise MaskError(f"a mask in it is no PNG that is read ({error})") from error
    marked = np.asarray(picture.convert("L")) > 0
    height, width = marked.shape
    counts = values_to_runs(marked.ravel())
    return Runs(counts, height, width, round(top), round(left), is_whole=False)


def _notes(ignored: Counter[str], n_others: int) -> tuple[str, ...]:
    notes = []
    if ignored:
        listed = ", ".join(f"{n} {kind}" for kind, n in ignored.most_common(5))
        notes.append(f"shapes without an area count, but are in no mask: {listed}")
    if n_others:
        notes.append(f"{n_others} JSON files that are not LabelMe's are passed over")
    return tuple(notes)


def _entry(image: ExportedImage, folder: Path) -> dict[str, Any]:
    polygons = [] if image.mask is None else trace_outlines(image.mask)
    if len(polygons) > MAX_SHAPES:
        raise MaskError(
            f"{image.name}: its mask has {len(polygons):,} regions; at most {MAX_SHAPES:,} are written as "
            "polygons: choose another format"
        )
    return {
        "version": _VERSION,
        "flags": {} if image.verdict is None else {image.verdict: True},
        "shapes": [
            {
                "label": image.category,
                "points": polygon.tolist(),
                "group_id": None,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
            }
            for polygon in polygons
        ],
        "imagePath": _path_from(image.path, folder),
        "imageData": None,
        "imageHeight": image.size[0],
        "imageWidth": image.size[1],
    }


def _path_from(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()
