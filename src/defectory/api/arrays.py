"""Arrays that callers give: what is an image, and what to do with what is none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import ParameterError
from defectory.domain.images import Mask

_CHANNELS_FIRST = "channels come last here: give np.moveaxis({name}, {axis}, -1)"


def split_stack(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Return the images of one array: (n, h, w, 3), (n, h, w) gray, (h, w, 3) or (h, w).

    Raises
    ------
    ParameterError : it has another shape, or could be read in two ways.
    """
    shape = array.shape
    if array.ndim == 2 or (array.ndim == 3 and shape[2] in (1, 3, 4)):
        return [array]
    if array.ndim == 3 and shape[0] == 3:
        raise ParameterError(
            f"images has the shape {shape}: for one color image "
            f"{_CHANNELS_FIRST.format(name='images', axis=0)}; for three gray images give list(images)"
        )
    if array.ndim == 4 and shape[1] in (1, 3, 4) and shape[3] not in (1, 3, 4):
        raise ParameterError(
            f"images has the shape {shape}; {_CHANNELS_FIRST.format(name='images', axis=1)}"
        )
    if array.ndim in (3, 4):
        return list(array)
    raise ParameterError(
        f"images has the shape {shape}; give (n, h, w, 3) or (n, h, w), or (h, w, 3) for one image"
    )


def is_picture(value: object) -> bool:
    """Return whether a value is an image of PIL, which is not imported for that."""
    return type(value).__module__.partition(".")[0] == "PIL"


def check_image(item: Any, index: int) -> NDArray[np.uint8]:
    """Return (h, w, 3) or (h, w) uint8 as it is; ParameterError that says how to convert anything else."""
    name = f"image {index}"
    if is_picture(item):
        raise ParameterError(f"{name} is a PIL image; give np.asarray(image.convert('RGB'))")
    if not hasattr(item, "__array__"):
        raise ParameterError(f"{name} is of type {type(item).__name__}; give a path or an array")
    image = np.asarray(item)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim == 3 and image.shape[2] == 4:
        raise ParameterError(f"{name} has 4 channels; give the three of RGB: image[:, :, :3]")
    if image.ndim == 3 and image.shape[0] in (1, 3, 4) and image.shape[2] != 3:
        raise ParameterError(
            f"{name} has the shape {image.shape}; {_CHANNELS_FIRST.format(name='image', axis=0)}"
        )
    if image.ndim != 2 and not (image.ndim == 3 and image.shape[2] == 3):
        raise ParameterError(f"{name} has the shape {image.shape}; give (h, w, 3) or (h, w)")
    if not image.size:
        raise ParameterError(f"{name} has the shape {image.shape}, which holds no pixels")
    if image.dtype != np.uint8:
        raise ParameterError(f"{name} is of {image.dtype}{_how_to_convert(image)}")
    return image


def _how_to_convert(image: NDArray[Any]) -> str:
    if image.dtype == np.bool_:
        return "; give np.uint8(255) * image"
    if image.dtype.kind not in "iuf":
        return "; give uint8"
    if not np.isfinite(image).all():
        return " and holds nan or infinity; give uint8 from 0 to 255"
    low, high = image.min(), image.max()
    between = f" with values from {low:.4g} to {high:.4g}"
    if image.dtype.kind == "f" and low >= 0 and high <= 1:
        return f"{between}; give uint8: (255 * image).round().astype(np.uint8)"
    if low >= 0 and high <= 255:
        return f"{between}; give uint8: image.round().astype(np.uint8)"
    if image.dtype == np.uint16:
        return f"{between}; give uint8: (image // 257).astype(np.uint8), if 65535 is white"
    return f"{between}; give uint8 from 0 to 255, scaled alike for all images"


def check_mask(item: Any, index: int) -> Mask:
    """Return (h, w) bool; ParameterError where the array is no mask."""
    name = f"mask {index}"
    if not hasattr(item, "__array__"):
        raise ParameterError(
            f"{name} is of type {type(item).__name__}; give a path, an array (h, w) or None"
        )
    mask = np.asarray(item)
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[:, :, 0]
    if mask.ndim != 2:
        raise ParameterError(
            f"{name} has the shape {mask.shape}; give (h, w), such as mask[:, :, 0]"
        )
    if mask.dtype.kind not in "biuf":
        raise ParameterError(f"{name} is of {mask.dtype}; give bool, True where defective")
    if mask.dtype.kind == "f" and not np.isin(mask, (0, 1, 255)).all():
        raise ParameterError(
            f"{name} is of {mask.dtype} with other values than 0 and 1; give bool, such as mask > 0.5"
        )
    return np.asarray(mask != 0)
