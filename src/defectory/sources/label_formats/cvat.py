"""CVAT for images 1.1: one XML of images with polygons, boxes, ellipses, masks and tags."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np

from defectory.domain import DataError, MaskError
from defectory.domain.errors import one_line
from defectory.sources.label_formats.annotations import AnnotatedImage, Annotation, ReadLabels
from defectory.sources.label_formats.exported import ExportedImage
from defectory.sources.label_formats.label_files import shape_of, size_of
from defectory.sources.label_formats.run_lengths import values_to_runs
from defectory.sources.label_formats.shapes import (
    Runs,
    Shape,
    check_number,
    make_box,
    make_ellipse,
    make_polygon,
)
from defectory.storage import FileKind, readable_name
from defectory.storage.kinds import GENERATOR

NAME = "cvat"
_MARK = "<!-- generator: defectory"
_MAX_DEPTH = 50
_NO_AREA = ("polyline", "points", "skeleton", "cuboid")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Attributes = dict[str, str]


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK.encode() in file.read(1024)


KIND = FileKind("labels in CVAT format", _is_ours)


def is_cvat(data: bytes) -> bool:
    """Return whether bytes look like XML."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_cvat(path: Path, data: bytes) -> ReadLabels:
    """Return what the XML says.

    Raises
    ------
    DataError : it is no XML, declares entities, is nested too deeply, is of a video, or lacks entries.
    MaskError : a shape is damaged.
    """
    reader = _Reader(path)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # an encoding that nobody knows
        raise DataError(f"{path} is not XML, or damaged: {one_line(error)}") from error
    if not reader.is_cvat:
        raise DataError(f"{path} is XML, but not of CVAT: export it as CVAT for images 1.1")
    notes = []
    if reader.ignored:
        listed = ", ".join(f"{n} {kind}" for kind, n in reader.ignored.most_common(5))
        notes.append(f"shapes without an area count, but are in no mask: {listed}")
    return ReadLabels(NAME, reader.images, tuple(notes))


def write_cvat(images: Iterable[ExportedImage], path: Path) -> None:
    """Write the XML: masks as run lengths, words on whole images as tags."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'<?xml version="1.0" encoding="utf-8"?>\n{_MARK} ({GENERATOR}) -->\n')
        file.write("<annotations>\n  <version>1.1</version>\n")
        for number, image in enumerate(images):
            height, width = image.size
            file.write(
                f'  <image id="{number}" name={_quoted(image.name)} width="{width}" height="{height}">\n'
            )
            if image.verdict is not None:
                file.write(f'    <tag label={_quoted(image.verdict)} source="manual"></tag>\n')
            if image.mask is not None:
                file.write(_mask_element(image))
            file.write("  </image>\n")
        file.write("</annotations>\n")


class _Reader:
    """Takes the elements of one file as they come."""

    def __init__(self, path: Path) -> None:
        self.images: list[AnnotatedImage] = []
        self.ignored: Counter[str] = Counter()
        self.is_cvat = False
        self._path = path
        self._depth = 0
        self._image: AnnotatedImage | None = None
        self._verdicts: list[str] = []
        self._annotations: list[Annotation] = []

    def refuse_doctype(self, *_: object) -> None:
        raise DataError(
            f"{self._path} declares a document type, which CVAT never does; it is not read"
        )

    def start(self, element: str, attributes: _Attributes) -> None:
        if self._depth == 0:
            self.is_cvat = element == "annotations"
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DataError(f"{self._path} is nested too deeply to be of CVAT")
        if element == "track":
            raise DataError(f"{self._path} is of a video: export it as CVAT for images 1.1")
        if element == "image" and self._depth == 2:
            self._start_image(attributes)
        elif self._image is not None and self._depth == 3:
            self._take(element, attributes, self._image.name)

    def end(self, element: str) -> None:
        self._depth -= 1
        if element == "image" and self._depth == 1 and self._image is not None:
            image, self._image = self._image, None
            self.images.append(
                AnnotatedImage(image.name, image.size, self._verdicts, self._annotations)
            )

    def _start_image(self, attributes: _Attributes) -> None:
        name = attributes.get("name", "")
        if not name:
            raise DataError(f"{self._path}: an image has no name")
        try:
            size = size_of(*(float(attributes.get(side, "0")) for side in ("height", "width")))
        except (ValueError, OverflowError):
            size = None
        self._image = AnnotatedImage(name, size)
        self._verdicts, self._annotations = [], []

    def _take(self, element: str, attributes: _Attributes, name: str) -> None:
        word = attributes.get("label", "")
        if element == "tag":
            self._verdicts.append(word)
        elif element in _NO_AREA:
            self.ignored[element] += 1
            self._annotations.append(Annotation(word))
        elif element in _SHAPES:
            read = _SHAPES[element]

            def make() -> Shape | None:
                return read(attributes)

            self._annotations.append(Annotation(word, shape_of(make, self._path, name)))


def _number(attributes: _Attributes, key: str, default: str = "") -> float:
    text = attributes.get(key, default)
    try:
        value = float(text)
    except ValueError:
        raise MaskError(
            f"{key} is {one_line(Exception(text), 40) if text else 'missing'}"
        ) from None
    check_number(value)
    return value


def _polygon(attributes: _Attributes) -> Shape | None:
    texts = re.split("[;,]", attributes.get("points", ""))
    try:
        return make_polygon(map(float, texts))
    except ValueError:
        raise MaskError("the points of a polygon are no numbers") from None


def _box(attributes: _Attributes) -> Shape | None:
    left, top, right, bottom = (_number(attributes, key) for key in ("xtl", "ytl", "xbr", "ybr"))
    return make_box(left, top, right, bottom, degrees=_number(attributes, "rotation", "0"))


def _ellipse(attributes: _Attributes) -> Shape | None:
    cx, cy, rx, ry = (_number(attributes, key) for key in ("cx", "cy", "rx", "ry"))
    return make_ellipse(cx, cy, rx, ry, _number(attributes, "rotation", "0"))


def _mask(attributes: _Attributes) -> Shape:
    places = [_number(attributes, key) for key in ("height", "width", "top", "left")]
    height, width, top, left = (int(value) for value in places)
    try:
        counts = [int(text) for text in attributes.get("rle", "").split(",")]
    except ValueError:
        raise MaskError("the run lengths of a mask are no whole numbers") from None
    return Runs(counts, height, width, top, left, is_whole=False)


_SHAPES = {"polygon": _polygon, "box": _box, "ellipse": _ellipse, "mask": _mask}


def _mask_element(image: ExportedImage) -> str:
    assert image.mask is not None
    rows, columns = (np.flatnonzero(image.mask.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = (
        int(rows[0]),
        int(rows[-1]) + 1,
        int(columns[0]),
        int(columns[-1]) + 1,
    )
    counts = values_to_runs(image.mask[top:bottom, left:right].ravel())
    return (
        f'    <mask label={_quoted(image.category)} source="manual" occluded="0" '
        f'rle="{", ".join(map(str, counts))}" left="{left}" top="{top}" width="{right - left}" '
        f'height="{bottom - top}" z_order="0"></mask>\n'
    )


def _quoted(text: str) -> str:
    """Return an attribute; what XML cannot hold becomes a question mark."""
    return quoteattr(
        _NOT_XML.sub("?", readable_name(text)), {"\n": "&#10;", "\t": "&#9;", "\r": "&#13;"}
    )
