"""Mask files -> (h, w) bool, or one clear error."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageReadError, MaskError, ParameterError
from defectory.domain.images import Mask
from defectory.sources.decoding import image_size, open_image, read_bytes, read_error
from defectory.sources.quiet_pillow import quiet_pillow

_LOSSY = {"JPEG", "MPO", "WEBP"}


class FileMasks:
    """Masks in files, behind the MaskSource protocol. Threads may read at once.

    Parameters
    ----------
    image_paths : the image files
    mask_paths : their masks, in the same order; None where there is none

    Raises
    ------
    ParameterError : the two differ in length.
    """

    def __init__(
        self, image_paths: Sequence[Path | str], mask_paths: Sequence[Path | str | None]
    ) -> None:
        if len(image_paths) != len(mask_paths):
            raise ParameterError(f"{len(image_paths)} images but {len(mask_paths)} masks")
        self._image_paths = tuple(map(Path, image_paths))
        self.paths = tuple(None if path is None else Path(path) for path in mask_paths)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Mask | None:
        """Return (h, w) bool of the size of its image, or None where there is no mask.

        Raises
        ------
        MaskError : the mask cannot be read or has another size than its image.
        ImageReadError : the image, whose size is needed, cannot be read.
        """
        path = self.paths[index]
        if path is None:
            return None
        mask = read_mask(path)
        check_mask_size(mask, path, image_size(self._image_paths[index]), self._image_paths[index])
        return mask


def read_mask(path: Path) -> Mask:
    """Return (h, w) bool, True where the mask marks a defect.

    Notes
    -----
    Any value but zero (in palettes: any color but black) marks a defect, so 0/1, 0/255 and class
    numbers all work; transparent is not marked. In formats with loss (JPEG, WebP), whose zeros are
    noisy, only values above 127 do.

    Raises
    ------
    MaskError : the file is missing, not an image, or of values that are no numbers.
    """
    try:
        image = open_image(read_bytes(path), path)
        with quiet_pillow:
            values = _mask_values(image)
            return np.asarray(values > 127 if _is_lossy(image) else values != 0)
    except ImageReadError as error:
        raise MaskError(f"mask: {error}") from error
    except Exception as error:
        raise MaskError(f"mask: {read_error(path, error)}") from error


def check_mask_size(
    mask: Mask, mask_path: Path, size_of_image: tuple[int, int], image_path: Path
) -> None:
    """Raise MaskError unless the mask has the image's (height, width)."""
    if mask.shape != size_of_image:
        (mask_h, mask_w), (image_h, image_w) = mask.shape, size_of_image
        raise MaskError(
            f"mask {mask_path} is {mask_w} x {mask_h} px but its image {image_path} is "
            f"{image_w} x {image_h} px (width x height); draw it at the size of the image"
        )


def _is_lossy(image: Pillow.Image) -> bool:
    return image.format in _LOSSY or image.info.get("compression") == "jpeg"


def _mask_values(image: Pillow.Image) -> NDArray[Any]:
    """Return (h, w): the strongest channel, on black where transparent."""
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError("some values are no numbers (nan or infinity)")
        return values
    if image.has_transparency_data:
        black = Pillow.new("RGBA", image.size, "black")
        image = Pillow.alpha_composite(black, image.convert("RGBA"))
    return np.asarray(np.asarray(image.convert("RGB")).max(axis=2))
