"""Where foreign textures come from: photographs, a folder of the user's, or the product itself."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from defectory.domain import DataError, ImageSource, MissingExtraError, ParameterError
from defectory.domain.images import Image
from defectory.simulation.recoloring import random_recoloring

# Larger pictures are kept at this size: a texture is shown at about 256 px.
_KEPT_SIDE_PX = 512
_PHOTOGRAPHS = (
    "brick.png", "grass.png", "gravel.png", "coffee.png", "chelsea.png", "ihc.png", "moon.png",
    "hubble_deep_field.jpg", "retina.jpg", "rocket.jpg", "camera.png", "coins.png", "cell.png",
    "motorcycle_left.png", "page.png", "text.png",
)  # fmt: skip


class TextureSource(Protocol):
    """Anything that gives pictures of any size to paint defects with."""

    def sample(self, shape: tuple[int, int], rng: np.random.Generator) -> Image:
        """Return (h, w, 3) uint8, a function of `shape` and the draws of `rng` alone."""
        ...


class ImageTextures:
    """Textures cut at random from images: mirrored, transposed, resized and recolored.

    Parameters
    ----------
    images : read when first needed; kept at most at 512 px a side, 0.8 MB each
    crop_ratio : (low, high) in (0, 1], share of the shorter side that a crop spans
    recolor : change brightness, contrast and colors at random, so that a few photographs give many textures
    n_images : >= 1, at most so many images, spread evenly over the source, are ever used

    Raises
    ------
    ParameterError : crop_ratio or n_images is out of range.
    """

    def __init__(
        self,
        images: ImageSource,
        *,
        crop_ratio: tuple[float, float] = (0.3, 1.0),
        recolor: bool = True,
        n_images: int = 128,
    ) -> None:
        if not 0 < crop_ratio[0] <= crop_ratio[1] <= 1:
            raise ParameterError(f"crop_ratio is {crop_ratio}; give 0 < low <= high <= 1")
        if n_images < 1:
            raise ParameterError(f"n_images is {n_images}; at least 1 texture image is needed")
        self._images = images
        self._crop_ratio = crop_ratio
        self._recolor = recolor
        self._n_images = n_images
        self._kept: dict[int, Pillow.Image] = {}

    def sample(self, shape: tuple[int, int], rng: np.random.Generator) -> Image:
        """Return a texture.

        Parameters
        ----------
        shape : (h, w), >= 1 each
        rng : draws the image, the crop and the colors

        Returns
        -------
        (h, w, 3) uint8

        Raises
        ------
        DataError : the source has no images.
        ImageReadError : an image cannot be read.
        """
        n_all = len(self._images)
        if n_all == 0:
            raise DataError("there are no images to take textures from")
        n = min(n_all, self._n_images)
        picture = self._read(int(rng.integers(n)) * n_all // n)
        texture = self._cropped(picture, shape, rng)
        return random_recoloring(texture, rng) if self._recolor else texture

    def _read(self, index: int) -> Pillow.Image:
        if index not in self._kept:
            picture = Pillow.fromarray(self._images.read([index])[0])
            picture.thumbnail((_KEPT_SIDE_PX, _KEPT_SIDE_PX))
            self._kept[index] = picture
        return self._kept[index]

    def _cropped(
        self, picture: Pillow.Image, shape: tuple[int, int], rng: np.random.Generator
    ) -> Image:
        h, w = shape
        is_transposed, is_mirrored = rng.integers(2, size=2)
        if is_transposed:
            h, w = w, h
        span = rng.uniform(*self._crop_ratio) * min(picture.width / w, picture.height / h)
        crop_w, crop_h = span * w, span * h
        x = rng.uniform(0, picture.width - crop_w)
        y = rng.uniform(0, picture.height - crop_h)
        box = (x, y, min(x + crop_w, picture.width), min(y + crop_h, picture.height))
        texture = np.asarray(picture.resize((w, h), Pillow.Resampling.BILINEAR, box=box))
        if is_mirrored:
            texture = texture[:, ::-1]
        return texture.transpose(1, 0, 2) if is_transposed else texture


def photograph_textures() -> ImageTextures:
    """Return textures cut from 16 photographs that scikit-image carries; nothing is downloaded.

    Among them are brick, grass and gravel. The paper takes them from the Describable Textures Dataset
    (5,640 photographs); where you have it, give its folder to `ImageTextures`.

    Raises
    ------
    MissingExtraError : at the first sample, where scikit-image is not installed.
    """
    return ImageTextures(_Photographs())


def product_textures(images: ImageSource) -> ImageTextures:
    """Return patches of the product's own images, enlarged: foreign in place and scale, not in color."""
    return ImageTextures(images, crop_ratio=(0.15, 0.6), recolor=False)


class _Photographs:
    """The photographs as an ImageSource. They are opened as files: importing scikit-image takes long."""

    def __len__(self) -> int:
        return len(_PHOTOGRAPHS)

    def read(self, indices: Sequence[int]) -> list[Image]:
        folder = _photograph_folder()
        return [self._open(folder / _PHOTOGRAPHS[i]) for i in indices]

    @staticmethod
    def _open(path: Path) -> Image:
        with Pillow.open(path) as picture:
            return np.asarray(picture.convert("RGB"))

    def fingerprint(self, index: int) -> str:
        return _PHOTOGRAPHS[index]


def _photograph_folder() -> Path:
    spec = importlib.util.find_spec("skimage")
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else None
    if folder is None or not (folder / _PHOTOGRAPHS[0]).is_file():
        raise MissingExtraError("simulating defects with photographs as textures", "train")
    return folder
