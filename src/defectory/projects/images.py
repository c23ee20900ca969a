"""Images of a review: where they lie, what they hold, how large they are."""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import DataError

THUMBNAIL_PX = 64


class MissingImageError(DataError):
    """The review has no image of that number."""


@dataclass(frozen=True)
class NewImage:
    """An image that a review is to hold.

    Attributes
    ----------
    name : for a person to read, valid text
    path : absolute
    content : SHA-256 of the file, hex digits
    size_px : (height, width)
    part : the group that the data name, or None
    thumbnail : (64, 64) uint8, gray
    """

    name: str
    path: Path
    content: str
    size_px: tuple[int, int]
    part: str | None
    thumbnail: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class ImageRow:
    """An image of a review; see NewImage."""

    id: int
    name: str
    path: Path
    content: str
    width: int
    height: int
    part: str | None


def add_images(connection: sqlite3.Connection, images: Iterable[NewImage]) -> list[int]:
    """Return the numbers that the images get, from 1 on."""
    return [_add(connection, image) for image in images]


def _add(connection: sqlite3.Connection, image: NewImage) -> int:
    height, width = image.size_px
    cursor = connection.execute(
        "INSERT INTO images (name, path, content, width, height, part) VALUES (?, ?, ?, ?, ?, ?)",
        (image.name, os.fsencode(image.path), image.content, width, height, image.part),
    )
    connection.execute("DELETE FROM unreadable WHERE path = ?", (os.fsencode(image.path),))
    number = int(cursor.lastrowid or 0)
    connection.execute("INSERT INTO thumbnails VALUES (?, ?)", (number, image.thumbnail.tobytes()))
    return number


def add_unreadable(connection: sqlite3.Connection, path: Path, reason: str) -> None:
    """Keep why an image is not in the review, until it is."""
    connection.execute(
        "INSERT OR REPLACE INTO unreadable VALUES (?, ?)", (os.fsencode(path), reason)
    )


def known_paths(connection: sqlite3.Connection) -> set[Path]:
    """Return the files of the images that are in the review."""
    rows = connection.execute("SELECT path FROM images")
    return {Path(os.fsdecode(row[0])) for row in rows}


def read_image_row(connection: sqlite3.Connection, image_id: int) -> ImageRow:
    """Return one image; MissingImageError."""
    for row in read_image_rows(connection, "WHERE id = ?", (image_id,)):
        return row
    raise MissingImageError(f"there is no image {image_id} in this review")


def read_image_rows(
    connection: sqlite3.Connection, where: str = "", values: Sequence[object] = ()
) -> list[ImageRow]:
    """Return images in the order of their numbers."""
    rows = connection.execute(
        f"SELECT id, name, path, content, width, height, part FROM images {where} ORDER BY id",
        tuple(values),
    )
    return [ImageRow(row[0], row[1], Path(os.fsdecode(row[2])), *row[3:]) for row in rows]


def count_images(connection: sqlite3.Connection) -> int:
    """Return how many images there are."""
    return int(connection.execute("SELECT count(*) FROM images").fetchone()[0])


def read_thumbnails(connection: sqlite3.Connection) -> NDArray[np.uint8]:
    """Return (n, 64, 64) uint8, gray, in the order of the images' numbers."""
    rows = connection.execute("SELECT cells FROM thumbnails ORDER BY image").fetchall()
    joined = np.frombuffer(b"".join(row[0] for row in rows), np.uint8)
    return joined.reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX)


def set_alike(connection: sqlite3.Connection, numbers: NDArray[np.int64]) -> None:
    """Keep which images are copies: (n,) numbers, in the order of the images'."""
    ids = [row[0] for row in connection.execute("SELECT id FROM images ORDER BY id")]
    pairs = zip(numbers.tolist(), ids, strict=True)
    connection.executemany("UPDATE images SET alike = ? WHERE id = ?", pairs)


def read_alike(connection: sqlite3.Connection) -> NDArray[np.int64] | None:
    """Return (n,) numbers, one for images that are copies; None where nobody looked."""
    numbers = [row[0] for row in connection.execute("SELECT alike FROM images ORDER BY id")]
    return None if not numbers or None in numbers else np.array(numbers, np.int64)
