"""Scores of defects that a detector has not learned from, for what its threshold costs in recall."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.detectors.base import Detector
from defectory.domain import ArrayImages, DefectScores, ImageSource, Label, Progress
from defectory.domain.images import ChosenImages, Image
from defectory.simulation import AnomalySimulator, ImageTextures, product_textures

LEAST_LABELED = 5
"""Labeled defects that recall is counted on; fewer say too little, and simulated ones stand in for them."""
N_SIMULATED = 40
"""Defects that are simulated where too few are labeled."""
# Simulation takes long on large images, and detectors see them smaller anyway.
_MOST_PIXELS = 2**18
_STREAM = 9


def score_defects(
    detector: Detector,
    images: ImageSource,
    labels: NDArray[np.int8],
    *,
    seed: int,
    progress: Progress,
) -> DefectScores:
    """Return scores of labeled defects where there are five, else of simulated ones.

    Parameters
    ----------
    detector : fitted on the images
        where it learns from labeled defects, those scores that it gives of them left out are taken
    images, labels : n of a fit, codes of Label
    seed : of the simulation
    """
    labeled = np.flatnonzero(labels == Label.ANOMALOUS)
    if len(labeled) >= LEAST_LABELED:
        if len(detector.left_out_defects_) >= LEAST_LABELED:
            return DefectScores(detector.left_out_defects_, is_simulated=False)
        if not detector.capabilities.uses_labeled_anomalies:
            chosen = ChosenImages(images, labeled)
            scores = detector.score(chosen, progress=progress).image_scores
            return DefectScores(scores, is_simulated=False)
    return _score_simulated(detector, images, labels, seed, progress)


def _score_simulated(
    detector: Detector, images: ImageSource, labels: NDArray[np.int8], seed: int, progress: Progress
) -> DefectScores:
    rng = np.random.default_rng([seed, _STREAM])
    usable = rng.permutation(np.flatnonzero(labels != Label.ANOMALOUS))
    if not len(usable):
        return DefectScores.none()
    chosen = _Smaller(ChosenImages(images, usable[:N_SIMULATED]))
    simulator = AnomalySimulator(
        textures=product_textures(chosen),
        mix="broad",
        partners=ImageTextures(chosen, crop_ratio=(1, 1), recolor=False),
    )
    progress.start("simulating defects", N_SIMULATED)
    drawn = []
    for i in range(N_SIMULATED):
        drawn.append(simulator.simulate(chosen.read([i % len(chosen)])[0], rng).image)
        progress.advance()
    return DefectScores(detector.score(ArrayImages(drawn)).image_scores, is_simulated=True)


class _Smaller:
    """Images that are no larger than detectors look at them, behind the ImageSource protocol."""

    def __init__(self, images: ImageSource) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        return [_shrunk(image) for image in self._images.read(indices)]

    def fingerprint(self, index: int) -> str:
        return self._images.fingerprint(index)


def _shrunk(image: Image) -> Image:
    height, width = image.shape[:2]
    ratio = min(1.0, (_MOST_PIXELS / (height * width)) ** 0.5)
    if ratio == 1:
        return image
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX))
