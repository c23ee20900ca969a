"""Small product pictures on disk: textured discs, some of them scratched, with masks."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from defectory.testing.pictures import disc


def write_mvtec(
    root: Path,
    *,
    n_train: int = 12,
    n_good: int = 4,
    n_defective: int = 4,
    size_px: int = 96,
    seed: int = 0,
) -> Path:
    """Write a data set in MVTec layout with one defect type, `scratch`, and return `root`.

    Every picture is its own texture on one disc, so no two are near duplicates; the same seed
    gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    for folder, n in (("train/good", n_train), ("test/good", n_good)):
        for i in range(n):
            save(root / folder / f"{i:03}.png", disc(rng, size_px))
    for i in range(n_defective):
        image, mask = scratched(disc(rng, size_px), rng)
        save(root / "test/scratch" / f"{i:03}.png", image)
        save(root / "ground_truth/scratch" / f"{i:03}_mask.png", np.where(mask, 255, 0))
    return root


def scratched(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The image with one dark scratch across the disc, and where it is."""
    size = len(image)
    y, x = np.mgrid[:size, :size] / size - 0.5
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.15, 0.15)
    across = x * np.cos(angle) + y * np.sin(angle) - offset
    along = -x * np.sin(angle) + y * np.cos(angle)
    mask = (np.abs(across) < 0.025) & (np.abs(along) < 0.2)
    out = image.copy()
    out[mask] = (out[mask] * 0.35).astype(np.uint8)
    return out, mask


def relit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same part with a highlight on one side: another light, not just another exposure."""
    h, w = image.shape[:2]
    y, x = np.mgrid[:h, :w] / [[[h]], [[w]]] - 0.5
    light = 0.7 + 0.8 * np.exp(-((x - 0.25) ** 2 + (y - 0.1) ** 2) / 0.05)
    return np.clip(image * light[:, :, None], 0, 255).astype(np.uint8)


def lit_again(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same part a little darker, under light that falls off to one side, with noise."""
    light = 0.9 * (1 + 0.3 * np.linspace(-0.5, 0.5, image.shape[1]))[None, :, None]
    grain = np.random.default_rng(2).normal(0, 2, image.shape)
    return np.clip(image * light + grain, 0, 255).astype(np.uint8)


def save(path: Path, array: NDArray[np.generic], **options: object) -> Path:
    """Write an array as an image file, with the folders above it, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array.astype(np.uint8)).save(path, **options)
    return path
