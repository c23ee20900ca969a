"""Folders whose names tell -> Dataset: MVTec, a tree of words for good and bad; flat where none does."""

from collections import Counter
from pathlib import Path

from defectory.sources.dataset import Dataset
from defectory.sources.files import FoundFiles
from defectory.sources.folder_files import UNLABELED, FolderFiles, Folders, Reading
from defectory.sources.folders import FolderNames, first_folders
from defectory.sources.vocabulary import Vocabulary

_N_NAMED = 5


def read_tree(root: Path, layout: str | None, vocabulary: Vocabulary) -> Dataset:
    """Return the data set in a folder; see `read_dataset`.

    Parameters
    ----------
    layout : "mvtec", "tree", "flat", or None to find out
    """
    files = FolderFiles(root)
    counts = files.counts
    names = FolderNames(counts, files.mask_folders, vocabulary, layout)
    kind = layout or _kind(names)
    notes: list[str] = []
    readings: dict[Folders, Reading | None] = dict(names.readings)
    if kind == "flat":
        readings = dict.fromkeys(counts, UNLABELED)
        notes += _note_flat(root, counts, files.found) if layout is None else []
    elif kind == "mvtec":
        readings = _within_splits(names, layout)
        notes += _note_left_out(counts, readings)
    if kind != "flat":
        if layout != "mvtec":
            names.check(str(root))
        notes += names.notes()
    notes += vocabulary.note_unused(name for folders in counts for name in folders)
    return files.dataset(kind, readings, notes)


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
