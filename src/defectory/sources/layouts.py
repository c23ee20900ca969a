"""Folders -> Dataset: MVTec, a tree of telling folder names, a flat folder, a single file."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from defectory.domain import DataError, Label, ParameterError
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.files import FoundFiles, explain_skipped, find_files, is_image_name
from defectory.sources.folders import FolderNames, Folders, Reading, first_folders
from defectory.sources.manifest_names import MANIFEST_LAYOUTS, check_spreadsheet
from defectory.sources.masks import MaskIndex, is_mask_folder
from defectory.sources.vocabulary import Vocabulary

FOLDER_LAYOUTS = ("mvtec", "tree", "flat")

_N_NAMED = 5
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
    path = Path(path)
    vocabulary = Vocabulary(good_words, bad_words)
    if not path.exists():
        raise DataError(f"no such file or folder: {path}")
    chosen = layout or (find_file_layout(path) if path.is_file() else None)
    if chosen in MANIFEST_LAYOUTS:
        return _read_manifest(path, chosen, vocabulary)
    if chosen == "file":
        sample = Sample(path, Label.UNLABELED, None, "", None, None, path.name)
        return Dataset(path.parent, "file", (sample,))
    if chosen not in (None, *FOLDER_LAYOUTS):
        known = ", ".join([*FOLDER_LAYOUTS, *MANIFEST_LAYOUTS, "file"])
        raise ParameterError(f"unknown layout {chosen!r}; known: {known}")
    if not path.is_dir():
        raise DataError(f"layout {chosen!r} needs a folder, but {path} is a file")
    return _read_folder(path, chosen, vocabulary)


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
        return read_dataset(path, layout="flat")
    if path.is_file() and find_file_layout(path) in MANIFEST_LAYOUTS:
        return _read_manifest(path, find_file_layout(path), None)
    return read_dataset(path)


def _read_manifest(path: Path, layout: str, vocabulary: Vocabulary | None) -> Dataset:
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


def _read_folder(root: Path, layout: str | None, vocabulary: Vocabulary) -> Dataset:
    found = find_files(root)
    images = [p for p in found.images if not any(map(is_mask_folder, _folders(root, p)))]
    masks = [p for p in found.images if any(map(is_mask_folder, _folders(root, p)))]
    if not images:
        raise DataError(_no_images(root, found))
    counts = Counter(_folders(root, path) for path in images)
    names = FolderNames(counts, {_folders(root, path) for path in masks}, vocabulary, layout)
    kind = layout or _kind(names)
    notes: list[str] = []
    readings: dict[Folders, Reading | None] = dict(names.readings)
    if kind == "flat":
        readings = dict.fromkeys(counts, Reading(Label.UNLABELED, ""))
        notes += _note_flat(root, counts, found) if layout is None else []
    elif kind == "mvtec":
        readings = _within_splits(names, layout)
        notes += _note_left_out(counts, readings)
    if kind != "flat":
        names.check(str(root)) if layout != "mvtec" else None
        notes += names.notes()
    notes += vocabulary.note_unused(name for folders in counts for name in folders)
    if found.skipped:
        notes.append(explain_skipped(found.skipped))
    samples, index = [], MaskIndex(root, masks)
    for path in images:
        folders = _folders(root, path)
        reading = readings[folders]
        if reading is not None:
            mask = index.find(folders, path.stem)
            name = path.relative_to(root).as_posix()
            kind_of = reading.defect_type
            samples.append(Sample(path, reading.label, mask, reading.split, None, kind_of, name))
    if not samples:
        raise DataError(f"no images in {root} in the layout {kind!r}; layout=None finds another")
    return Dataset(root, kind, tuple(samples), index.unmatched, found.skipped, tuple(notes))


def _folders(root: Path, path: Path) -> Folders:
    return path.relative_to(root).parts[:-1]


def _kind(names: FolderNames) -> str:
    if names.is_pure():
        return "mvtec"
    return "tree" if names.is_understood or names.has_splits else "flat"


def _within_splits(names: FolderNames, layout: str | None) -> dict[Folders, Reading | None]:
    """Return the readings without images above the splits: documentation, in MVTec layout."""
    return {
        folders: None if (not reading.split if layout else names.is_loose(folders)) else reading
        for folders, reading in names.readings.items()
    }


def _note_left_out(counts: Counter[Folders], readings: dict[Folders, Reading | None]) -> list[str]:
    n = sum(count for folders, count in counts.items() if readings[folders] is None)
    if not n:
        return []
    return [f"{n} image{'' if n == 1 else 's'} outside the folders train and test left out"]


def _note_flat(root: Path, counts: Counter[Folders], found: FoundFiles) -> list[str]:
    notes = []
    tops = first_folders(counts)
    if tops:
        more = f" and {len(tops) - _N_NAMED} more" if len(tops) > _N_NAMED else ""
        notes.append(
            f"no folder's name says good or bad ({', '.join(tops[:_N_NAMED])}{more}): all "
            f"{sum(counts.values())} images are taken as unlabeled; --good NAME and --bad NAME tell more"
        )
    tables = [p.name for p in sorted(root.iterdir()) if p.suffix.lower() in (".csv", ".jsonl")]
    if tables and found.skipped:
        notes.append(
            f"{tables[0]} lies beside the images; give it instead of the folder to use its labels"
        )
    return notes


def _no_images(root: Path, found: FoundFiles) -> str:
    if found.images:
        return f"no images in {root}, only masks"
    held = sorted(entry.name for entry in root.iterdir())
    if not held:
        return f"the folder is empty: {root}"
    more = f" and {len(held) - _N_NAMED} more" if len(held) > _N_NAMED else ""
    skipped = f"; {explain_skipped(found.skipped)}" if found.skipped else ""
    return (
        f"no images in {root}; it holds {', '.join(held[:_N_NAMED])}{more}{skipped} "
        "(PNG, JPEG, TIFF, BMP, WebP, GIF and PPM are read)"
    )
