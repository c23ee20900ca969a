"""What callers give as images -> paths or an ImageSource, or one line that says what to do."""

import os
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from defectory.api.arrays import check_image, is_picture, split_stack
from defectory.api.paths import AnyPath, as_path
from defectory.domain import ArrayImages, DataError, ImageSource, ParameterError
from defectory.domain.images import Image
from defectory.workflows.given import images_of_files, read_unlabeled

Images = AnyPath | Collection[AnyPath] | Collection[NDArray[Any]] | NDArray[Any] | ImageSource
"""A path (folder, manifest, image), paths, arrays, one array of one or several images, or an ImageSource."""

_SEVERAL = "a path, a list of paths, an array (n, h, w, 3), a list of arrays or an ImageSource"


@dataclass(frozen=True)
class NamedImages:
    """Images to look at, what a person calls them, and what that person should know of them."""

    source: ImageSource
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def name_images(images: Images) -> NamedImages:
    """Return the images that are to be scored.

    Raises
    ------
    ParameterError : what was given is no image.
    DataError : there is no such file.
    """
    given = read_images(images)
    if isinstance(given, Path):
        dataset = read_unlabeled(given)
        names = tuple(sample.name for sample in dataset.samples)
        return NamedImages(dataset.images(), names, dataset.notes)
    if isinstance(given, Sequence):
        return NamedImages(images_of_files(given), tuple(str(path) for path in given))
    return NamedImages(given, tuple(f"images[{i}]" for i in range(len(given))))


def read_images(images: object) -> Path | Sequence[Path] | ImageSource:
    """Return one path as it is, several as a list, and anything else as an ImageSource; nothing is read.

    Raises
    ------
    ParameterError : what was given is no image.
    DataError : a listed file is not there.
    """
    if is_path(images):
        return _one_path(images)
    if _is_source(images):
        return CheckedImages(images)  # type: ignore[arg-type]
    items = _items(images)
    if not items:
        raise ParameterError("there are no images; give at least one")
    if any(is_path(item) for item in items):
        return [_existing_file(item, i) for i, item in enumerate(items)]
    return ArrayImages([check_image(item, i) for i, item in enumerate(items)])


def _one_path(given: AnyPath) -> Path:
    path = as_path(given, "images")
    if set("*?[") & set(str(path)) and not path.exists():
        raise ParameterError(f"images is a pattern, {path}; give glob.glob({str(path)!r})")
    return path


def is_path(value: object) -> TypeGuard[AnyPath]:
    """Return whether a value is a path, as text or not."""
    return isinstance(value, str | os.PathLike)


def _items(images: object) -> list[Any]:
    """Return the images of an array, or of anything that holds several in an order."""
    kind = type(images).__name__
    if is_picture(images):
        return [images]  # refused, with what to give
    if kind == "DataFrame":
        raise ParameterError("images is a DataFrame; give one column of it, such as table['path']")
    if isinstance(images, bytes | Mapping | Set) or not hasattr(images, "__len__"):
        raise ParameterError(f"images is of type {kind}; give {_SEVERAL}")
    if hasattr(images, "__array__") and not isinstance(images, Sequence):
        array = np.asarray(images)
        if array.dtype.kind not in "OUT" or not array.ndim:  # columns of paths are read as lists
            return split_stack(array)
    return list(images)  # type: ignore[call-overload,no-any-return]


def _existing_file(item: object, index: int) -> Path:
    if not is_path(item):
        raise ParameterError(
            f"image {index} is of type {type(item).__name__} among paths; give only paths or only arrays"
        )
    path = as_path(item, f"image {index}")
    if "\0" in str(path) or not path.exists():
        raise DataError(f"image {index}: no such file: {path}")
    if path.is_dir():
        raise DataError(
            f"image {index} is a folder, {path}; give the folder itself, or the files in it"
        )
    return path


def _is_source(images: object) -> bool:
    return all(hasattr(images, name) for name in ("__len__", "read", "fingerprint"))


class CheckedImages:
    """An ImageSource of a caller that is held to the contract."""

    def __init__(self, source: ImageSource) -> None:
        if not len(source):
            raise ParameterError("there are no images; give at least one")
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def read(self, indices: Sequence[int]) -> list[Image]:
        """Return the images at `indices`; ParameterError where they are not as many (h, w, 3) uint8."""
        images = self._source.read(indices)
        if len(images) != len(indices):
            raise ParameterError(
                f"the source gives {len(images)} images for {len(indices)} indices; read gives one an index"
            )
        for i, image in zip(indices, images, strict=True):
            if check_image(image, i).ndim != 3:
                raise ParameterError(f"image {i} of the source is gray; read gives (h, w, 3)")
        return images

    def fingerprint(self, index: int) -> str:
        """Return what the source says."""
        return self._source.fingerprint(index)
