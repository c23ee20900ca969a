"""Other views of an image, suited to what it shows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid, grid_sample

from defectory.backbones.preparation import prepare_image
from defectory.domain import ImageSource, ParameterError
from defectory.domain.images import Image

_N_LOOKED_AT = 32
_SMALL_PX = 64


@dataclass(frozen=True)
class Augmentation:
    """Ranges that views are drawn from.

    Attributes
    ----------
    zoom : largest factor on the size, and 1 / zoom the smallest
    turn_deg : largest rotation
    shift_ratio : largest shift, of the image's side
    flips : mirror every other view
    gain : largest factor on brightness, and 1 / gain the smallest
    """

    zoom: float
    turn_deg: float
    shift_ratio: float
    flips: bool
    gain: float


AUGMENTATIONS = {
    "figure": Augmentation(zoom=1.15, turn_deg=8, shift_ratio=0.07, flips=False, gain=1.25),
    "photo": Augmentation(zoom=1.5, turn_deg=5, shift_ratio=0.12, flips=True, gain=1.4),
}
"""figure: small gray pictures of one thing (a digit mirrored is another); photo: everything else."""


def choose_augmentation(asked: str, images: ImageSource) -> str:
    """Return the name of the augmentation: the one asked for, or found from a few images where "auto".

    Raises
    ------
    ParameterError : no augmentation has that name.
    """
    if asked in AUGMENTATIONS:
        return asked
    if asked != "auto":
        known = ", ".join(("auto", *AUGMENTATIONS))
        raise ParameterError(f"no augmentation is named {asked!r}; there are {known}")
    step = max(1, len(images) // _N_LOOKED_AT)
    seen = images.read(range(0, len(images), step)[:_N_LOOKED_AT])
    is_figure = all(
        max(image.shape[:2]) <= _SMALL_PX and np.ptp(image, axis=2).max() == 0 for image in seen
    )
    return "figure" if is_figure else "photo"


def augment(
    images: NDArray[np.uint8], augmentation: Augmentation, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return another view of each image, at its size; beyond the border its edge is repeated.

    Parameters
    ----------
    images : (n, h, w, 3) uint8
    """
    n = len(images)
    zoom = augmentation.zoom ** rng.uniform(-1, 1, n)
    angle = np.radians(rng.uniform(-1, 1, n) * augmentation.turn_deg)
    shift_x, shift_y = 2 * augmentation.shift_ratio * rng.uniform(-1, 1, (n, 2)).T
    gain = augmentation.gain ** rng.uniform(-1, 1, n)
    mirror = np.where(rng.random(n) < 0.5, -1, 1) if augmentation.flips else np.ones(n)
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    turned = np.stack([mirror * cosine, -sine, shift_x, mirror * sine, cosine, shift_y], axis=1)
    pixels = torch.from_numpy(images.astype(np.float32)).permute(0, 3, 1, 2)
    grid = affine_grid(
        torch.from_numpy(turned.reshape(n, 2, 3).astype(np.float32)),
        list(pixels.shape),
        align_corners=False,
    )
    moved = grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    bright = moved * torch.from_numpy(gain.astype(np.float32))[:, None, None, None]
    bright = bright.clamp(0, 255).permute(0, 2, 3, 1).round()
    return np.ascontiguousarray(bright.to(torch.uint8).numpy())


class AugmentedImages:
    """One view of each image of a source, drawn from a seed, behind the ImageSource protocol.

    Parameters
    ----------
    name : in AUGMENTATIONS
    side_px : images are made squares of this side first: drawing views of whole photographs would take long
    view : number of the view; another number, other draws
    """

    def __init__(
        self, images: ImageSource, name: str, *, side_px: int, seed: int, view: int
    ) -> None:
        self._images, self._name, self._side_px = images, name, side_px
        self._seed, self._view = seed, view

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the views of the images at `indices`."""
        augmentation = AUGMENTATIONS[self._name]
        views = []
        for i, image in zip(indices, self._images.read(indices), strict=True):
            square = prepare_image(image, self._side_px, even_exposure=False)
            rng = np.random.default_rng([self._seed, self._view, i])
            views.append(augment(square[None], augmentation, rng)[0])
        return views

    def fingerprint(self, index: int) -> str:
        """Return a hash of the image's fingerprint and of how the view was drawn."""
        drawn = (AUGMENTATIONS[self._name], self._side_px, self._seed, self._view, index)
        return hashlib.sha256(f"{self._images.fingerprint(index)}{drawn}".encode()).hexdigest()
