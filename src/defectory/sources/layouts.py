"""Anything on disk -> Dataset: a folder, a manifest, a single file; several of them, and patterns."""

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from defectory.domain import DataError, Label, ParameterError
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.files import MANIFEST_LAYOUTS, check_spreadsheet, is_image_name

if TYPE_CHECKING:  # loaded only where labels are looked at
    from defectory.sources.vocabulary import Vocabulary

FOLDER_LAYOUTS = ("mvtec", "tree", "flat")

_PATTERN = frozenset("*?[")
_HINTS = (
    ((".defectory",), "; it is a bundle: give the images"),
    ((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"), "; unpack it and give the folder"),
    (
        (".pdf", ".docx", ".doc", ".pptx", ".ppt"),
        "; save its pictures as PNG and give their folder",
    ),
)
"""File endings -> what to do."""


def read_dataset(
    path: Path | str,
    *,
    layout: str | None = None,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
) -> Dataset:
    """Return the data set in a folder, a manifest or a single image file.

    Parameters
    ----------
    path : folder, manifest (.csv, .tsv, .jsonl, .json, .parquet) or image
    layout : "mvtec", "tree", "flat", "csv", "jsonl", "parquet" or "file"
        None finds it. "flat" takes every image at any depth as unlabeled.
    good_words, bad_words : further names of folders and labels for good and for defective parts

    Returns
    -------
    with `notes` on what was assumed

    Raises
    ------
    DataError : nothing is there, no images are in it, or a folder's name is not understood beside others
        that are.
    ManifestError : a manifest does not parse; all its problems are listed.
    ParameterError : the layout is not one of those above, or a word is both good and bad.

    Notes
    -----
    mvtec: `train/good`, `test/good`, `test/<defect type>`, `ground_truth/<defect
    type>/<name>_mask.png`; also `train/<defect type>`, `train/unlabeled` and `validation/good`.
    tree: folders at any depth with a word for good, bad or unlabeled (see `label_words`; a folder in a
    bad one is the defect type); the topmost decides. Folders train, val, test give the split, and folders
    masks or ground_truth hold masks by name. Case does not matter.
    flat: no folder's name says anything: all unlabeled; masks as in a tree.
    """
    from defectory.sources.trees import read_tree  # what is only scored has no labels
    from defectory.sources.vocabulary import Vocabulary

    path = Path(path)
    vocabulary = Vocabulary(good_words, bad_words)
    if not path.exists():
        raise DataError(f"no such file or folder: {path}")
    chosen = layout or (find_file_layout(path) if path.is_file() else None)
    if chosen in MANIFEST_LAYOUTS:
        return _read_manifest(path, chosen, vocabulary)
    if chosen == "file":
        return _read_file(path)
    if chosen not in (None, *FOLDER_LAYOUTS):
        known = ", ".join([*FOLDER_LAYOUTS, *MANIFEST_LAYOUTS, "file"])
        raise ParameterError(f"unknown layout {chosen!r}; known: {known}")
    if not path.is_dir():
        raise DataError(f"layout {chosen!r} needs a folder, but {path} is a file")
    return read_tree(path, chosen, vocabulary)


def read_images(path: Path | str) -> Dataset:
    """Return the images in a folder at any depth, of a manifest or of one file; all are unlabeled.

    Labels, splits and masks are not looked at, so that no name has to be understood.

    Raises
    ------
    DataError : nothing is there, or there are no images in it.
    ManifestError : a manifest does not parse.
    """
    path = Path(path)
    if path.is_dir():
        from defectory.sources.folder_files import read_flat  # not of single files

        return read_flat(path)
    if not path.is_file():
        return read_dataset(path)  # says what is wrong
    layout = find_file_layout(path)
    return _read_file(path) if layout == "file" else _read_manifest(path, layout, None)


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


def _read_file(path: Path) -> Dataset:
    sample = Sample(path, Label.UNLABELED, None, "", None, None, path.name)
    return Dataset(path.parent, "file", (sample,))


def _read_manifest(path: Path, layout: str, vocabulary: "Vocabulary | None") -> Dataset:
    from defectory.sources.manifests import read_manifest  # most data come as folders

    return read_manifest(path, layout, vocabulary)


def find_file_layout(path: Path) -> str:
    """Return "file" for an image, or the layout of a manifest, by its name; DataError, ManifestError."""
    check_spreadsheet(path)
    ending = path.suffix.lower()
    for layout, endings in MANIFEST_LAYOUTS.items():
        if ending in endings:
            return layout
    if is_image_name(path):
        return "file"
    known = ", ".join(e for endings in MANIFEST_LAYOUTS.values() for e in endings)
    hint = next((hint for endings, hint in _HINTS if ending in endings), "")
    raise DataError(f"{path} is neither an image nor a manifest ({known}){hint}")
