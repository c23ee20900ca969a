"""Images of a review are scored, and what is found is on disk a chunk at a time: interrupted work goes on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageSource, Progress
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.projects import VersionRow
from defectory.projects.images import ImageRow, read_image_rows
from defectory.projects.scores import add_map, add_scores, read_map, unscored
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
    """Return the raw scores and the maps of a chunk; raise ImageReadError."""
    scores, _ = model.judge(images, progress=StepsOnly(progress))
    maps = scores.anomaly_maps
    return scores.image_scores.tolist(), [None] * len(scores) if maps is None else list(maps)


def score_version(
    review: OpenReview, model: CalibratedDetector, version: int, progress: Progress
) -> None:
    """Score all images of the review that a bundle version has not scored yet; raise ImageReadError."""
    with review.store.reading() as connection:
        waiting = unscored(connection, version)
        rows = {row.id: row for row in read_image_rows(connection)}
    progress.start("scoring", len(waiting))
    for start in range(0, len(waiting), CHUNK):
        ids = waiting[start : start + CHUNK]
        images = FileImages([rows[i].path for i in ids])
        scores, maps = score_images(model, images, progress)
        with review.store.writing() as connection:
            add_scores(connection, version, ids, scores, maps)


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
