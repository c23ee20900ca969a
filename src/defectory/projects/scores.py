"""Scores and anomaly maps of images by bundle version."""

import sqlite3
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


def add_scores(
    connection: sqlite3.Connection,
    version: int,
    images: Sequence[int],
    scores: Sequence[float],
    maps: Sequence[Map | None],
) -> None:
    """Keep the raw scores of images, and their maps where the detector has any.

    Notes
    -----
    Maps are kept, since scoring an image again takes a few tenths of a second, and a person who goes through
    a queue waits for no image that long. They are rounded to float16 relative to their largest value: 8 kB
    for 64 x 64 cells.
    """
    rows = [(version, image, float(score)) for image, score in zip(images, scores, strict=True)]
    connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?)", rows)
    for image, heat in zip(images, maps, strict=True):
        if heat is not None:
            add_map(connection, version, image, heat)


def add_map(connection: sqlite3.Connection, version: int, image: int, heat: Map) -> None:
    """Keep the map of an image."""
    scale = float(np.abs(heat).max(initial=0.0)) or 1.0
    cells = (heat / np.float32(scale)).astype("<f2")
    height, width = heat.shape
    connection.execute(
        "INSERT OR REPLACE INTO maps VALUES (?, ?, ?, ?, ?, ?)",
        (version, image, height, width, scale, cells.tobytes()),
    )


def read_map(connection: sqlite3.Connection, version: int, image: int) -> Map | None:
    """Return (h, w) float32, or None where none is kept."""
    row = connection.execute(
        "SELECT height, width, scale, cells FROM maps WHERE version = ? AND image = ?",
        (version, image),
    ).fetchone()
    if row is None:
        return None
    cells = np.frombuffer(row["cells"], "<f2").reshape(row["height"], row["width"])
    return np.asarray(cells.astype(np.float32) * np.float32(row["scale"]))


def read_scores(connection: sqlite3.Connection, version: int) -> NDArray[np.float64]:
    """Return (n,) raw scores in the order of the images' numbers; nan where an image has none."""
    rows = connection.execute(
        "SELECT score FROM images LEFT JOIN scores ON image = id AND version = ? ORDER BY id",
        (version,),
    )
    return np.array([np.nan if row[0] is None else row[0] for row in rows], np.float64)


def unscored(connection: sqlite3.Connection, version: int) -> list[int]:
    """Return the images that a version has not scored, in order."""
    rows = connection.execute(
        "SELECT id FROM images WHERE id NOT IN (SELECT image FROM scores WHERE version = ?) ORDER BY id",
        (version,),
    )
    return [row[0] for row in rows]


def count_scored(connection: sqlite3.Connection, version: int) -> int:
    """Return how many images a version has scored."""
    found = connection.execute("SELECT count(*) FROM scores WHERE version = ?", (version,))
    return int(found.fetchone()[0])


def drop_maps(connection: sqlite3.Connection, keep: Sequence[int]) -> None:
    """Remove the maps of all versions but some: they can be computed again, and take most of the room."""
    marks = ", ".join("?" * len(keep))
    connection.execute(f"DELETE FROM maps WHERE version NOT IN ({marks})", tuple(keep))


def read_score(connection: sqlite3.Connection, version: int, image: int) -> float:
    """Return the raw score of an image by a version; nan where it has none."""
    row = connection.execute(
        "SELECT score FROM scores WHERE version = ? AND image = ?", (version, image)
    ).fetchone()
    return float("nan") if row is None else float(row[0])
