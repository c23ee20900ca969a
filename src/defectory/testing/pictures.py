"""Small product pictures: textured discs, some of them defective."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from defectory.domain import ArrayImages, ImageReadError
from defectory.domain.images import Image, Mask

SIZE_PX = 96
DEFECT_PX = 16
PLACES = [(20, 40), (40, 20), (60, 60), (40, 40)]


def disc(rng: np.random.Generator, size_px: int = SIZE_PX) -> Image:
    """Return (size, size, 3) uint8: a bright textured disc on a dark background."""
    y, x = np.mgrid[:size_px, :size_px] / size_px - 0.5
    inside = np.hypot(y, x) < 0.45
    coarse = rng.normal(0, 1, (size_px // 6, size_px // 6)).astype(np.float32)
    texture = np.asarray(
        PIL.Image.fromarray(coarse).resize((size_px, size_px), PIL.Image.Resampling.BICUBIC)
    )
    grain = rng.normal(0, 2, (size_px, size_px))
    gray = np.where(inside, 150 + 14 * texture - 30 * x, 30) + grain
    tint = np.array([1.0, 0.95, 0.85])
    picture: Image = np.clip(gray[:, :, None] * tint, 0, 255).astype(np.uint8)
    return picture


def products(n: int, seed: int = 0) -> list[Image]:
    """Return n good products, no two alike."""
    rng = np.random.default_rng(seed)
    return [disc(rng) for _ in range(n)]


def twice(n: int, seed: int = 5) -> list[Image]:
    """Return n good products, then the same n again, photographed with other noise."""
    rng = np.random.default_rng(seed)
    once = products(n, seed)
    again = [np.clip(image + rng.normal(0, 1, image.shape), 0, 255) for image in once]
    return once + [image.astype(np.uint8) for image in again]


def planted(image: Image, place: tuple[int, int]) -> Image:
    """Return the image with a red square at place (y, x)."""
    y, x = place
    out = image.copy()
    out[y : y + DEFECT_PX, x : x + DEFECT_PX] = (255, 60, 60)
    return out


def defective(seed: int = 2) -> list[Image]:
    """Return one product with a defect for each of PLACES."""
    return [planted(image, at) for image, at in zip(products(4, seed), PLACES, strict=True)]


def mixed() -> list[NDArray[np.uint8]]:
    """Return images of several sizes, some of them gray, one tiny."""
    a, b, c, d = products(4, seed=3)
    return [a, b[10:80], np.ascontiguousarray(c[:, :50]), d[:, :, 0], d[40:45, 40:47], a[:, :, 1]]


class TellingImages(ArrayImages):
    """Images that carry the truth, as a source made from folders named after it would."""

    def __init__(self, images: Sequence[Image], truth: NDArray[np.integer]) -> None:
        super().__init__(images)
        self.truth = self.labels = truth
        self.paths = [f"{'bad' if t else 'good'}/{i}.png" for i, t in enumerate(truth)]

    def fingerprint(self, index: int) -> str:
        """Return a hash that tells the truth, too."""
        return f"{self.truth[index]}{super().fingerprint(index)}"


class CutOffImages(ArrayImages):
    """Images of which the fourth cannot be read."""

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`; ImageReadError for the fourth."""
        if 3 in indices:
            raise ImageReadError("image 3 is cut off")
        return super().read(indices)


class ArrayMasks:
    """Masks held in memory, behind the MaskSource protocol."""

    def __init__(self, masks: Sequence[Mask]) -> None:
        self._masks = masks

    def __len__(self) -> int:
        return len(self._masks)

    def read(self, index: int) -> Mask:
        """Return the mask at `index`."""
        return self._masks[index]
