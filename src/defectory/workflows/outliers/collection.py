"""Any collection of images, without labels: folders of any depth, manifests, IDX files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from defectory.domain import DataError, ImageSource, Progress
from defectory.sources import read_images
from defectory.sources.idx import IdxImages, is_idx_name, read_idx
from defectory.workflows.readable import leave_out_unreadable

_N_IMAGE_AXES = 3


@dataclass(frozen=True)
class Collection:
    """Images with a name each; nothing is known of them.

    Attributes
    ----------
    title : of the folder or file
    names : unique
    images : parallel to the names
    notes : what was left out
    """

    title: str
    names: Sequence[str]
    images: ImageSource
    notes: tuple[str, ...] = ()


def read_collection(
    path: Path, *, skip_unreadable: bool = False, progress: Progress | None = None
) -> Collection:
    """Return every image under a folder, of a manifest, or of IDX files; labels are not looked at.

    Raises
    ------
    DataError, ImageReadError : there are none, or one cannot be read.
    """
    title = path.resolve().name or str(path)
    idx_files = _find_idx(path)
    if idx_files:
        return _read_idx_files(title, idx_files)
    dataset = read_images(path)
    notes = dataset.notes
    if skip_unreadable:
        dataset, left_out = leave_out_unreadable(dataset, progress)
        notes += left_out
    return Collection(title, [s.name for s in dataset.samples], dataset.images(), notes)


def collection_files(path: Path) -> list[Path]:
    """Return every file that `read_collection` reads, and the folder or manifest itself."""
    idx_files = _find_idx(path)
    if idx_files:
        return [path, *idx_files]
    return [path, *read_images(path).files()]


def _find_idx(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if is_idx_name(path) else []
    if not path.is_dir():
        return []
    return sorted(found for found in path.iterdir() if is_idx_name(found) and found.is_file())


def _read_idx_files(title: str, paths: list[Path]) -> Collection:
    """Return the images of all files together; files of labels are not looked at."""
    arrays, names = [], []
    for path in paths:
        pixels = read_idx(path)
        if pixels.ndim < _N_IMAGE_AXES:
            continue
        arrays.append(pixels)
        names += [f"{path.name.removesuffix('.gz')}#{i:05}" for i in range(len(pixels))]
    if not arrays:
        raise DataError(f"{paths[0].parent}: the IDX files hold no images")
    if len({array.shape[1:] for array in arrays}) > 1:
        raise DataError(f"{paths[0].parent}: the IDX files hold images of several sizes; give one")
    return Collection(title, names, IdxImages(np.concatenate(arrays)))
