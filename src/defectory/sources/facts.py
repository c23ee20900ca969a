"""One pass over the files: what the data doctor has to know of each image, and nothing more."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageReadError, MaskError, Progress
from defectory.machine import count_cores
from defectory.remote.copies import told_remote
from defectory.sources.dataset import Sample
from defectory.sources.decoding import open_image, read_bytes
from defectory.sources.images import to_rgb
from defectory.sources.mask_files import check_mask_size, read_mask
from defectory.sources.thumbnails import thumbnail_of

_MAX_THREADS = 8


@dataclass(frozen=True)
class ImageFacts:
    """What was measured of one readable image.

    Attributes
    ----------
    content_hash : SHA-256 of the file
    height_px, width_px : size of the upright image
    mode : channels and depth as Pillow calls them ("L", "RGB", "I;16", ...)
    brightness : mean gray level, 0 to 255
    contrast : standard deviation of the gray levels
    thumbnail : (64, 64) uint8, gray
    mask_area_px : marked pixels of its mask; None without a readable mask
    mask_problem : why its mask cannot be used; None where it can
    has_more_frames : whether the file holds several pictures, of which the first is read
    """

    content_hash: str
    height_px: int
    width_px: int
    mode: str
    brightness: float
    contrast: float
    thumbnail: NDArray[np.uint8]
    mask_area_px: int | None = None
    mask_problem: str | None = None
    has_more_frames: bool = False


def measure(samples: Sequence[Sample], progress: Progress) -> list[ImageFacts | str]:
    """Return for each image its facts, or the reason why it cannot be read."""
    progress.start("inspect images", len(samples))
    measured = []
    with ThreadPoolExecutor(min(_MAX_THREADS, count_cores())) as pool:
        for facts in pool.map(_measure_or_reason, samples):
            measured.append(facts)
            progress.advance()
    return measured


def _measure_or_reason(sample: Sample) -> ImageFacts | str:
    try:
        return _measure(sample)
    except ImageReadError as error:
        return told_remote(str(error))


def _measure(sample: Sample) -> ImageFacts:
    data = read_bytes(sample.path)
    opened = open_image(data, sample.path)
    image = to_rgb(opened, sample.path)
    gray = Pillow.fromarray(image).convert("L")
    levels = np.asarray(gray)
    area, problem = _measure_mask(sample, image.shape[:2])
    return ImageFacts(
        content_hash=hashlib.sha256(data).hexdigest(),
        height_px=image.shape[0],
        width_px=image.shape[1],
        mode=opened.mode,
        brightness=float(levels.mean()),
        contrast=float(levels.std()),
        thumbnail=thumbnail_of(gray),
        mask_area_px=area,
        mask_problem=problem,
        has_more_frames=bool(opened.info.get("has_more_frames")),
    )


def _measure_mask(sample: Sample, size: tuple[int, ...]) -> tuple[int | None, str | None]:
    if sample.mask_path is None:
        return None, None
    try:
        mask = read_mask(sample.mask_path)
        check_mask_size(mask, sample.mask_path, (size[0], size[1]), sample.path)
    except MaskError as error:
        return None, told_remote(str(error))
    return int(mask.sum()), None
