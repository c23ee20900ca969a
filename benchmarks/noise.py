"""The noise of MAPL's BHAD set: every channel gets N(0, 16), and what leaves 0-255 is stretched back."""

from collections.abc import Sequence

import numpy as np

from defectory.domain import ImageSource
from defectory.domain.images import Image

NOISE_SPREAD = 16.0
"""Standard deviation in gray levels. N(0, 16) could also name a variance; we take the harder reading."""


class NoisyImages:
    """An ImageSource with noise of its own on every image, the same at each reading."""

    def __init__(self, images: ImageSource, seed: int, spread: float = NOISE_SPREAD) -> None:
        self._images, self._seed, self._spread = images, seed, spread

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images with their noise."""
        clean = self._images.read(indices)
        return [self._noisy(image, index) for image, index in zip(clean, indices, strict=True)]

    def fingerprint(self, index: int) -> str:
        """Return a hash of image and noise."""
        return f"{self._images.fingerprint(index)}-noise-{self._spread:g}-{self._seed}-{index}"

    def _noisy(self, image: Image, index: int) -> Image:
        rng = np.random.default_rng([self._seed, index])
        noisy = image + rng.normal(0, self._spread, image.shape)
        low, high = noisy.min(axis=(0, 1)), noisy.max(axis=(0, 1))
        leaves = (low < 0) | (high > 255)
        stretched = (noisy - low) / (high - low) * 255
        return np.rint(np.where(leaves, stretched, noisy)).astype(np.uint8)
