"""COCO: one JSON of images, categories and annotations; masks as polygons or run lengths.

Images of ours carry an entry `label`, which other readers pass over: COCO has no word on a whole image.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

import cc3d
import msgspec
import numpy as np

from defectory.domain import DataError, MaskError
from defectory.domain.images import Mask
from defectory.sources.label_formats.annotations import AnnotatedImage, Annotation, ReadLabels
from defectory.sources.label_formats.exported import ExportedImage
from defectory.sources.label_formats.label_files import as_typed, shape_of, size_of
from defectory.sources.label_formats.run_lengths import pack_counts, unpack_counts, values_to_runs
from defectory.sources.label_formats.shapes import (
    Runs,
    Shape,
    check_number,
    make_box,
    make_polygon,
)
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, json_object

NAME = "coco"
KIND = json_object("labels in COCO format")
# a ragged mask would become as many annotations as it has specks
_MAX_REGIONS = 100

_Id = int | str


class _Image(msgspec.Struct):
    id: _Id
    file_name: str
    width: float | None = None
    height: float | None = None
    label: Any = None


class _Category(msgspec.Struct):
    id: _Id
    name: str


class _RunLengths(msgspec.Struct):
    # whole numbers, but some tools write them as 100.0
    size: tuple[float, float]
    counts: list[float] | str


class _Annotation(msgspec.Struct):
    image_id: _Id
    category_id: _Id | None = None
    segmentation: list[list[float]] | _RunLengths | None = None
    bbox: list[float] | None = None


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation] | None = None
    categories: list[_Category] | None = None


def is_coco(data: Any) -> bool:
    """Return whether a JSON text looks like COCO."""
    return isinstance(data, dict) and "images" in data


def read_coco(path: Path, data: Any) -> ReadLabels:
    """Return what a COCO file says.

    Raises
    ------
    DataError : entries are missing, of another type, or name images and categories that are not listed.
    MaskError : a polygon or mask is damaged.
    """
    file = as_typed(data, _File, path, "COCO file")
    words = {category.id: category.name for category in file.categories or ()}
    images = {image.id: image for image in file.images}
    if len(images) < len(file.images):
        twice = next(i for i, n in Counter(image.id for image in file.images).items() if n > 1)
        raise DataError(f"{path}: two images have the id {twice!r}")
    found: dict[_Id, list[Annotation]] = defaultdict(list)
    verdicts: dict[_Id, list[str]] = {
        image.id: [image.label] if isinstance(image.label, str) else [] for image in file.images
    }
    for at, annotation in enumerate(file.annotations or ()):
        image = images.get(annotation.image_id)
        where = f"{path}, annotations[{at}]"
        if image is None:
            raise DataError(f"{where}: there is no image with the id {annotation.image_id!r}")
        if annotation.category_id is not None and annotation.category_id not in words:
            raise DataError(f"{where}: there is no category with the id {annotation.category_id!r}")
        word = words.get(annotation.category_id, "") if annotation.category_id is not None else ""
        shapes = _shapes(annotation, path, image.file_name)
        found[image.id] += [Annotation(word, shape) for shape in shapes]
        if not shapes:
            verdicts[image.id].append(word)
    return ReadLabels(
        NAME,
        [
            AnnotatedImage(
                image.file_name,
                size_of(image.height, image.width),
                verdicts[image.id],
                found[image.id],
            )
            for image in file.images
        ],
    )


def write_coco(images: Iterable[ExportedImage], path: Path) -> None:
    """Write a COCO file: compressed run lengths, a region of the mask at a time."""
    categories: dict[str, int] = {}
    listed: list[dict[str, Any]] = []
    with path.open("w", encoding="utf-8") as file:
        head = {GENERATOR_KEY: GENERATOR, "info": {"description": f"written by {GENERATOR}"}}
        file.write(json.dumps(head)[:-1] + ', "licenses": [],\n"annotations": [')
        n = 0
        for number, image in enumerate(images, start=1):
            entry: dict[str, Any] = {
                "id": number,
                "file_name": image.name,
                "width": image.size[1],
                "height": image.size[0],
            }
            if image.verdict is not None:
                entry["label"] = image.verdict
            listed.append(entry)
            if image.mask is not None:
                category = categories.setdefault(image.category, len(categories) + 1)
                n = _write_regions(image.mask, file, n, number, category)
        file.write("],\n")
        _write_list(file, "images", listed)
        file.write(",\n")
        known = [{"id": number, "name": word} for word, number in categories.items()]
        _write_list(file, "categories", known)
        file.write("}\n")


def _shapes(annotation: _Annotation, path: Path, name: str) -> list[Shape | None]:
    """Return the areas of an annotation; none where it speaks of the whole image."""
    segments = annotation.segmentation
    if isinstance(segments, _RunLengths):
        return [shape_of(lambda: _runs(segments), path, name)]
    polygons = [
        shape_of(lambda p=points: make_polygon(p), path, name)  # type: ignore[misc]
        for points in segments or ()
    ]
    if any(polygon is not None for polygon in polygons):
        return polygons
    box = annotation.bbox
    if box and len(box) == 4:
        left, top, width, height = box
        if min(width, height) < 0:
            raise MaskError(
                f"{path}, image {name!r}: a bbox of width {width:g} and height {height:g}"
            )
        return [shape_of(lambda: make_box(left, top, left + width, top + height), path, name)]
    return polygons


def _runs(runs: _RunLengths) -> Shape:
    check_number(max(runs.size))
    counts = unpack_counts(runs.counts) if isinstance(runs.counts, str) else _whole(runs.counts)
    height, width = _whole(runs.size)
    return Runs(counts, height, width, is_by_column=True)


def _whole(numbers: Iterable[float]) -> list[int]:
    for number in numbers:
        if not number.is_integer():
            raise MaskError(f"run lengths hold {number:g}, no whole number")
    return [int(number) for number in numbers]


def _write_regions(mask: Mask, file: TextIO, n: int, image_id: int, category_id: int) -> int:
    """Write an annotation for each region of a mask; return how many there are with the `n` before it."""
    regions, n_regions = cc3d.connected_components(
        mask.astype(np.uint8), connectivity=8, return_N=True
    )
    if n_regions > _MAX_REGIONS:
        regions, n_regions = mask.astype(np.uint8), 1
    boxes = cc3d.statistics(regions)["bounding_boxes"]
    for number in range(1, n_regions + 1):
        rows, columns = boxes[number][:2]
        top, left, bottom, right = rows.start, columns.start, rows.stop, columns.stop
        part = regions[:, left:right] == number
        entry = {
            "id": n + 1,
            "image_id": image_id,
            "category_id": category_id,
            "iscrowd": 0,
            "area": int(part.sum()),
            "bbox": [left, top, right - left, bottom - top],
            "segmentation": {
                "size": list(mask.shape),
                "counts": pack_counts(_column_runs(part, left, mask.shape[1])),
            },
        }
        file.write(("," if n else "") + "\n " + json.dumps(entry))
        n += 1
    return n


def _column_runs(part: Mask, left: int, width: int) -> list[int]:
    """Return the counts of a mask that lies in some columns of an image, from `left` on."""
    h, n_columns = part.shape
    counts = values_to_runs(part.T.ravel())
    counts[0] += left * h
    rest = (width - left - n_columns) * h
    if len(counts) % 2:
        counts[-1] += rest
    elif rest:
        counts.append(rest)
    return counts


def _write_list(file: TextIO, key: str, entries: list[dict[str, Any]]) -> None:
    lines = ",\n ".join(map(json.dumps, entries))
    file.write(f'"{key}": [\n {lines}]')
