"""Images of a review are scored, and what is found is on disk a chunk at a time: interrupted work goes on."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageReadError, ImageSource, Progress
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.projects import NewImage, VersionRow
from defectory.projects.images import ImageRow, add_images, read_image_rows
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


def add_scored_images(
    review: OpenReview,
    model: CalibratedDetector,
    version: int,
    named: Sequence[tuple[Path, str, str | None]],
    progress: Progress,
) -> "ScoredChunk":
    """Return a chunk of new images with their scores, not yet on disk; raise ImageReadError.

    Parameters
    ----------
    named : path, name and part of each
    """
    del review
    images = WatchedImages(FileImages([path for path, _, _ in named]))
    scores, maps = score_images(model, images, progress)
    rows = [
        NewImage(name, path, images.fingerprint(i), images.sizes[i], part, images.thumbnails[i])
        for i, (path, name, part) in enumerate(named)
    ]
    return ScoredChunk(version, rows, scores, maps)
