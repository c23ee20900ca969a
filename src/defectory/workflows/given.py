"""What a caller of the Python API gives -> images, labels, a data set."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import DataError, ImageSource, Label, MaskSource
from defectory.domain.images import Mask
from defectory.sources import Dataset, FileImages, Sample, read_dataset, read_images
from defectory.sources.source_dataset import MixedMasks, SourceDataset
from defectory.sources.vocabulary import Vocabulary

Words = Iterable[str]


def read_data(path: Path, good_words: Words = (), bad_words: Words = ()) -> Dataset:
    """Return the data set of a folder, manifest or image file, as the command line reads it."""
    return read_dataset(path, good_words=good_words, bad_words=bad_words)


def read_unlabeled(path: Path) -> Dataset:
    """Return the images of a folder, manifest or image file, whatever their folders are called."""
    return read_images(path)


def read_label_codes(
    values: Sequence[object], good_words: Words = (), bad_words: Words = ()
) -> NDArray[np.int8]:
    """Return (n,) codes of words, 0 and 1, True and False, None; DataError names what is not understood."""
    return Vocabulary(good_words, bad_words).labels_of(values)


def images_of_files(paths: Sequence[Path]) -> ImageSource:
    """Return image files, to be read when asked for."""
    return FileImages(paths)


def dataset_of(
    images: Sequence[Path] | ImageSource,
    labels: NDArray[np.int8],
    masks: Sequence[Mask | Path | None] | MaskSource,
    groups: Sequence[str | None],
) -> Dataset:
    """Return images in one order, and what is known of each, as a data set.

    Parameters
    ----------
    images : n files, or any source
    labels : (n,) codes of Label
    masks : n masks: (h, w) bool or files, None where there is none
    groups : n groups, None where unknown

    Raises
    ------
    DataError : a file is listed twice.
    MaskError : a mask that is no file has another size than its image.
    """
    if isinstance(images, Sequence):
        root, names = _root_and_names(images)
        paths, source = images, images_of_files(images)
    else:
        root, names = Path("images"), [f"images[{i}]" for i in range(len(images))]
        paths, source = [root / name for name in names], images
    if isinstance(images, Sequence) and isinstance(masks, Sequence):
        mask_paths = [mask for mask in masks if mask is None or isinstance(mask, Path)]
        if len(mask_paths) == len(masks):
            return Dataset(root, "list", _samples(paths, labels, mask_paths, groups, names))
    mask_source = MixedMasks(masks, source) if isinstance(masks, Sequence) else masks
    # read now: a wrong mask is an error before the long work
    has_mask = [mask_source.read(i) is not None for i in range(len(names))]
    called = [Path(f"masks[{i}]") if has_mask[i] else None for i in range(len(names))]
    return SourceDataset(
        root,
        "list",
        _samples(paths, labels, called, groups, names),
        source=source,
        mask_source=mask_source,
        places={name: i for i, name in enumerate(names)},
    )


def _samples(
    paths: Sequence[Path],
    labels: NDArray[np.int8],
    masks: Sequence[Path | None],
    groups: Sequence[str | None],
    names: Sequence[str],
) -> tuple[Sample, ...]:
    rows = zip(paths, labels.tolist(), masks, groups, names, strict=True)
    return tuple(
        Sample(path, Label(label), mask, "", group, None, name)
        for path, label, mask, group, name in rows
    )


def _root_and_names(paths: Sequence[Path]) -> tuple[Path, list[str]]:
    """Return the folder that the files share, and their names in it."""
    places: dict[Path, int] = {}
    absolute = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  (links stay)
    for i, path in enumerate(absolute):
        if path in places:
            raise DataError(
                f"images {places[path]} and {i} are the same file, {path}; give it once"
            )
        places[path] = i
    try:
        root = Path(os.path.commonpath([path.parent for path in absolute]))
    except ValueError:  # several drives of Windows
        return Path(), [path.as_posix() for path in absolute]
    return root, [path.relative_to(root).as_posix() for path in absolute]
