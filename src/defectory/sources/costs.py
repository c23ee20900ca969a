"""What reading an image takes of memory, told by its file's size and header before it is decoded."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Pillow

from defectory.machine import count_cores
from defectory.sources.decoding import FORMATS, quiet_pillow

# Bytes a pixel at the peak of decoding, converting and resizing: Pillow's four and our three, or as much as
# the decoder holds beside. Measured at 24 megapixels, see docs/resources.md.
_BYTES_A_PIXEL = {"WEBP": 19.0}
_PROGRESSIVE, _OTHER = 11.5, 9.0
_SMALL_BYTES = 2 * 2**20


@dataclass(frozen=True)
class ReadingCosts:
    """Of some files.

    Attributes
    ----------
    largest_bytes : peak of reading the image that takes most
    largest_px : pixels of the largest image
    n_file_bytes : size of all files
    """

    largest_bytes: int
    largest_px: int
    n_file_bytes: int


def reading_costs(paths: Iterable[Path]) -> ReadingCosts:
    """Return what reading one of these images takes at most; a file that cannot be read takes nothing."""
    with ThreadPoolExecutor(count_cores()) as pool:
        found = list(pool.map(_cost, paths))
    return ReadingCosts(
        largest_bytes=max((cost for cost, _, _ in found), default=0),
        largest_px=max((n_px for _, n_px, _ in found), default=0),
        n_file_bytes=sum(size for _, _, size in found),
    )


def _cost(path: Path) -> tuple[int, int, int]:
    try:
        size = path.stat().st_size
        with quiet_pillow, Pillow.open(path, formats=FORMATS) as image:
            n_px = image.width * image.height
            is_progressive = bool(image.info.get("progressive"))
            each = _BYTES_A_PIXEL.get(image.format or "", _OTHER)
    except Exception:  # reading it will say what is wrong
        return 0, 0, 0
    each = max(each, _PROGRESSIVE) if is_progressive else each
    return int(each * n_px) + size + _SMALL_BYTES, n_px, size
