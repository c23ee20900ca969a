"""Images scored with a bundle: one decision each."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Decision, ImageSource, NoProgress, Progress
from defectory.domain.images import ChosenImages
from defectory.domain.scores import AnomalyMap
from defectory.sources import FileImages, Sample
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import ScoredImage

CHUNK = 64
"""Images whose maps are held at once, and which a killed run has to score again."""


def score_samples(
    model: CalibratedDetector, samples: Sequence[Sample], progress: Progress
) -> Iterator[ScoredImage]:
    """Yield the score of every image, in order; memory does not grow with their number.

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    for start in range(0, len(samples), CHUNK):
        part = samples[start : start + CHUNK]
        images = FileImages([sample.path for sample in part])
        scores, decisions = model.judge(images, progress=StepsOnly(progress))
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
        for sample, decision, heat in zip(part, decisions, maps, strict=True):
            yield ScoredImage(sample.name, sample.path, decision, heat)


def decide_images(
    model: CalibratedDetector, images: ImageSource, *, progress: Progress | None = None
) -> list[Decision]:
    """Return one decision an image; maps are not kept, so memory does not grow with them.

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    progress = progress or NoProgress()
    progress.start("scoring", len(images))
    decisions: list[Decision] = []
    for start in range(0, len(images), CHUNK):
        part = ChosenImages(images, range(start, min(start + CHUNK, len(images))))
        decisions += model.judge(part, progress=StepsOnly(progress))[1]
    return decisions


def measure_images(
    model: CalibratedDetector, images: ImageSource, *, progress: Progress | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (n,) raw scores and (n,) highest values of the maps; none where the detector has no maps.

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    progress = progress or NoProgress()
    progress.start("scoring", len(images))
    found: list[float] = []
    peaks: list[float] = []
    for start in range(0, len(images), CHUNK):
        part = ChosenImages(images, range(start, min(start + CHUNK, len(images))))
        scores, _ = model.judge(part, progress=StepsOnly(progress))
        found += scores.image_scores.tolist()
        peaks += [float(heat.max()) for heat in scores.anomaly_maps or ()]
    return np.array(found, np.float32), np.array(peaks, np.float32)


class StepsOnly:
    """Passes steps on but not the start of stages: the stage spans several calls."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, stage: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Pass it on."""
        self._progress.advance(steps)

    def note(self, text: str) -> None:
        """Pass it on."""
        self._progress.note(text)

    def say(self, text: str) -> None:
        """Pass it on."""
        self._progress.say(text)
