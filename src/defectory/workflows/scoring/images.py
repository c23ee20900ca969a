"""The images that somebody wants scored: files, folders, manifests and patterns, as one data set."""

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from defectory.domain import DataError
from defectory.sources import Dataset, Sample, read_images

_PATTERN = frozenset("*?[")


def read_given(paths: Sequence[Path], read: Callable[[Path], Dataset] = read_images) -> Dataset:
    """Return the images of all paths, each once, in the order in which they are given.

    A pattern that a shell has not spelled out (`'new/*.png'`, or any on Windows) is spelled out. Of one path
    names are relative to it, of several to the folder that all images share.

    Parameters
    ----------
    read : what reads one path; by default labels are not looked at

    Raises
    ------
    DataError : there is no path, or one names nothing, holds no images or is not understood.
    """
    found = [path for given in paths for path in spell_out(given)]
    if not found:
        raise DataError("there are no images to score; give a file or folder")
    datasets = [read(path) for path in found]
    if len(datasets) == 1:
        return datasets[0]
    first: dict[str, Sample] = {}
    for dataset in datasets:
        for sample in dataset.samples:
            first.setdefault(os.path.realpath(sample.path), sample)
    return _merged(datasets, list(first.values()))


def spell_out(path: Path) -> list[Path]:
    """Return what a path with `*`, `?` or `[...]` matches where it names no file; else the path alone.

    Raises
    ------
    DataError : the pattern matches nothing.
    """
    if not _PATTERN & set(str(path)) or os.path.lexists(path):
        return [path]
    found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (of any folder)
    if not found:
        raise DataError(f"no file or folder matches {path}")
    return [Path(name) for name in found]


def _merged(datasets: Sequence[Dataset], samples: Sequence[Sample]) -> Dataset:
    absolute = [os.path.abspath(sample.path) for sample in samples]  # noqa: PTH100 (links stay)
    try:
        root = Path(os.path.commonpath([os.path.dirname(path) for path in absolute]))  # noqa: PTH120
        names = [Path(path).relative_to(root).as_posix() for path in absolute]
    except ValueError:  # several drives of Windows
        root, names = Path(), [Path(path).as_posix() for path in absolute]
    named = tuple(replace(s, name=name) for s, name in zip(samples, names, strict=True))
    notes = dict.fromkeys(note for dataset in datasets for note in dataset.notes)
    return Dataset(root, datasets[0].layout, named, notes=tuple(notes))
