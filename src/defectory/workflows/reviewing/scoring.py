"""Images of a review are scored, and what is found is on disk a chunk at a time: interrupted work goes on."""

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import CONTENT_DIGITS, ImageSource, Progress
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.projects import VersionRow
from defectory.projects.bundle_versions import read_learned, read_version
from defectory.projects.images import ImageRow, read_image_rows
from defectory.projects.scores import add_map, add_scores, read_map, read_score, unscored
from defectory.sources import FileImages
from defectory.sources.thumbnails import thumbnail_of
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.scoring.score import StepsOnly

CHUNK = 32
"""Images that an interruption leaves to be scored again, at most."""


class WatchedImages:
    """An ImageSource that remembers size and thumbnail of what was read, so that no image is read twice."""

    def __init__(self, images: ImageSource) -> None:
        self._images = images
        self.sizes: dict[int, tuple[int, int]] = {}
        self.thumbnails: dict[int, NDArray[np.uint8]] = {}

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`."""
        found = self._images.read(indices)
        for i, image in zip(indices, found, strict=True):
            self.sizes[i] = image.shape[:2]
            self.thumbnails[i] = thumbnail_of(Pillow.fromarray(image).convert("L"))
        return found

    def fingerprint(self, index: int) -> str:
        """Return the image's own fingerprint."""
        return self._images.fingerprint(index)


def score_images(
    model: CalibratedDetector, images: ImageSource, progress: Progress
) -> tuple[list[float], list[AnomalyMap | None]]:
    """Return the raw scores and the maps of a chunk; raise ImageReadError.

    The score of an image that the model held out is that one: by its own score an image that was learned
    from looks good, hidden defects too.
    """
    found, _ = model.judge(images, progress=StepsOnly(progress))
    known = _held_out_scores(model)
    scores = [
        known.get(images.fingerprint(i)[:CONTENT_DIGITS], score)
        for i, score in enumerate(found.image_scores.tolist())
    ]
    maps = found.anomaly_maps
    return scores, [None] * len(scores) if maps is None else list(maps)


def score_version(
    review: OpenReview, model: CalibratedDetector, version: int, progress: Progress
) -> None:
    """Score all images of the review that a bundle version has not scored yet; raise ImageReadError.

    An image that the version held out has that score. One that it was taught, and does not remember to have
    held out, keeps its score of before, moved so that it is to the new threshold as it was to the old one.
    Neither is read: `map_of` computes their maps when somebody looks.
    """
    with review.store.writing() as connection:
        waiting = unscored(connection, version)
        rows = {row.id: row for row in read_image_rows(connection)}
        known = _known_scores(connection, model, version, rows)
        told = [i for i in waiting if i in known]
        add_scores(connection, version, told, [known[i] for i in told], [None] * len(told))
    progress.start("scoring", len(waiting))
    progress.advance(len(told))
    unknown = [i for i in waiting if i not in known]
    for start in range(0, len(unknown), CHUNK):
        ids = unknown[start : start + CHUNK]
        images = FileImages([rows[i].path for i in ids])
        scores, maps = score_images(model, images, progress)
        with review.store.writing() as connection:
            add_scores(connection, version, ids, scores, maps)


def _known_scores(
    connection: sqlite3.Connection,
    model: CalibratedDetector,
    version: int,
    rows: Mapping[int, ImageRow],
) -> dict[int, float]:
    """Return image -> score, where that is known without looking at the image."""
    held_out = _held_out_scores(model)
    named = {i: row.content[:CONTENT_DIGITS] for i, row in rows.items()}
    told = {i: held_out[name] for i, name in named.items() if name in held_out}
    return {**_scores_of_before(connection, model, version), **told}


def _held_out_scores(model: CalibratedDetector) -> dict[str, float]:
    """Return image -> score by a model that had not learned from it, by the digits of its content."""
    known = model.bundle.calibration
    return dict(zip(known.contents, known.scores.tolist(), strict=True))


def _scores_of_before(
    connection: sqlite3.Connection, model: CalibratedDetector, version: int
) -> dict[int, float]:
    """Return image -> score, of those that a version or one before it was taught."""
    parent = read_version(connection, version).parent
    if parent is None:
        return {}
    before = read_version(connection, parent)
    change = model.threshold.value - before.threshold
    if not np.isfinite(change):
        return {}
    learned = read_learned(connection, version)
    old = {image: read_score(connection, before.scores_of, image) for image in learned}
    return {image: score + change for image, score in old.items() if np.isfinite(score)}


def map_of(review: OpenReview, version: VersionRow, image: ImageRow) -> AnomalyMap | None:
    """Return the map of an image; computed again, and kept, where it is of a version that was away.

    Raises
    ------
    ImageReadError : the image cannot be read.
    """
    with review.store.reading() as connection:
        kept = read_map(connection, version.scores_of, image.id)
    model = review.model_of(version)
    if kept is not None or not len(model.bundle.calibration.peaks):
        return kept
    with review.is_scoring:
        scores = model.bundle.detector.score(FileImages([image.path]))
    if scores.anomaly_maps is None:
        return None
    with review.store.writing() as connection:
        add_map(connection, version.scores_of, image.id, scores.anomaly_maps[0])
        return read_map(connection, version.scores_of, image.id)
