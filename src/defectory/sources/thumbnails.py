"""Small gray pictures of whole images, by which alike ones are found."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageSource, Progress
from defectory.machine import count_readers, map_ordered
from defectory.sources.fine_structure import THUMBNAIL_PX, Thumbnails


def read_thumbnails(images: ImageSource, progress: Progress) -> Thumbnails:
    """Return (n, 64, 64) uint8, gray, of n images; raise ImageReadError."""
    progress.start("looking for pictures of one part", len(images))

    def read(index: int) -> NDArray[np.uint8]:
        return thumbnail_of(Pillow.fromarray(images.read([index])[0]).convert("L"))

    found = []
    for thumbnail in map_ordered(read, range(len(images)), count_readers()):
        found.append(thumbnail)
        progress.advance()
    return np.array(found, np.uint8).reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX)


def thumbnail_of(gray: Pillow.Image) -> NDArray[Any]:
    """Return (64, 64) uint8 of a gray picture, squeezed to the square."""
    # The mean of each cell where there are pixels enough; a smooth surface through them where not.
    enough = min(gray.size) >= THUMBNAIL_PX
    method = Pillow.Resampling.BOX if enough else Pillow.Resampling.BILINEAR
    return np.asarray(gray.resize((THUMBNAIL_PX, THUMBNAIL_PX), method))
