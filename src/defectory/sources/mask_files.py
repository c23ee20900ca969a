"""Mask files -> (h, w) bool, or one clear error."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from defectory.domain import ImageReadError, MaskError, ParameterError
from defectory.domain.images import Mask
from defectory.sources.contents import FileContents
from defectory.sources.decoding import (
    image_size,
    open_image,
    quiet_pillow,
    read_bytes,
    read_error,
)
from defectory.sources.images import strips

_LOSSY = {"JPEG", "MPO", "WEBP"}


class FileMasks:
    """Masks in files, behind the MaskSource protocol. Threads may read at once.

    Parameters
    ----------
    image_paths : the image files
    mask_paths : their masks, in the same order; None where there is none
    max_kept_bytes : >= 0, of the files that are kept in memory; see FileContents

    Raises
    ------
    ParameterError : the two differ in length.
    """

    def __init__(
        self,
        image_paths: Sequence[Path | str],
        mask_paths: Sequence[Path | str | None],
        *,
        max_kept_bytes: int = 0,
    ) -> None:
        if len(image_paths) != len(mask_paths):
            raise ParameterError(f"{len(image_paths)} images but {len(mask_paths)} masks")
        self._image_paths = tuple(map(Path, image_paths))
        self.paths = tuple(None if path is None else Path(path) for path in mask_paths)
        self._contents = FileContents(max_kept_bytes)
        self._sizes: dict[int, tuple[int, int]] = {}

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
        mask = read_mask(path, self._contents)
        if index not in self._sizes:
            self._sizes[index] = image_size(self._image_paths[index])
        check_mask_size(mask, path, self._sizes[index], self._image_paths[index])
        return mask


def read_mask(path: Path, contents: FileContents | None = None) -> Mask:
    """Return (h, w) bool, True where the mask marks a defect.

    Parameters
    ----------
    path : of the mask
    contents : that read it; None reads the file itself

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
        image = open_image(contents.read(path) if contents else read_bytes(path), path)
        with quiet_pillow:
            return _marked(image)
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


def _marked(image: Pillow.Image) -> Mask:
    least = 128 if _is_lossy(image) else None
    marked: Mask = np.empty((image.height, image.width), np.bool_)
    for top, strip in strips(image):
        values = _mask_values(strip)
        marked[top : top + strip.height] = values != 0 if least is None else values >= least
    return marked


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
