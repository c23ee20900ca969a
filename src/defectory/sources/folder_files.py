"""The images under a folder and their masks, by folder and name; a flat data set where no name is asked."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from defectory.domain import DataError, Label
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.files import FoundFiles, explain_skipped, find_files
from defectory.sources.vocabulary import fold
from defectory.storage import folded_name
from defectory.storage.names import REVIEW_DATABASE

MASK_FOLDERS = ("ground_truth", "masks", "mask", "Masken", "Maske")
"""Names of folders that hold masks; case, spaces, hyphens and underscores do not count."""

_FOLDED = frozenset(map(fold, MASK_FOLDERS))

_Place = tuple[tuple[str, ...], tuple[str, ...], str]
"""Folders above the mask folder, folders below it, name without ending."""

Folders = tuple[str, ...]
"""Names of the folders above a file, from the root of the data set down."""

_N_NAMED = 5


@dataclass(frozen=True)
class Reading:
    """What is known of the images of one folder.

    Attributes
    ----------
    label : UNLABELED where no name says anything
    split : "train", "test" or ""
    defect_type : kind of defect, or None
    said_by : the folder name that gave the label, or None
    """

    label: Label
    split: str
    defect_type: str | None = None
    said_by: str | None = None


UNLABELED = Reading(Label.UNLABELED, "")
"""Where no name says anything."""


class MaskIndex:
    """Finds masks that lie in a folder `ground_truth` or `masks` beside the images.

    A mask carries its image's name, with or without `_mask`, whatever its extension. Below the mask
    folder it lies either at the top or in folders named as the last folders above the image:
    `test/scratch/01.png` has `ground_truth/scratch/01_mask.png`.

    Parameters
    ----------
    root : the data set's folder
    masks : files under it that lie in a mask folder
    """

    def __init__(self, root: Path, masks: Sequence[Path]) -> None:
        self._unmatched = dict.fromkeys(masks)
        self._by_place: dict[_Place, Path] = {}
        for mask in masks:
            *folders, _ = mask.relative_to(root).parts
            at = next(i for i, name in enumerate(folders) if is_mask_folder(name))
            place = (tuple(folders[:at]), tuple(folders[at + 1 :]))
            self._by_place.setdefault((*place, mask.stem), mask)
        # Windows takes IMG_1 and img_1 for one name, a Mac writes ü as two letters; the very name goes first
        self._by_folded = {_folded(key): mask for key, mask in reversed(self._by_place.items())}

    def find(self, folders: tuple[str, ...], stem: str) -> Path | None:
        """Return the mask of the image `stem` in `folders` (relative to the root), or None."""
        for depth in range(len(folders), -1, -1):  # the nearest mask folder first
            for start in range(depth, len(folders) + 1):  # the longest shared path first
                for name in (f"{stem}_mask", stem):
                    place = (folders[:depth], folders[start:], name)
                    mask = self._by_place.get(place) or self._by_folded.get(_folded(place))
                    if mask is not None:
                        self._unmatched.pop(mask, None)
                        return mask
        return None

    @property
    def unmatched(self) -> tuple[Path, ...]:
        """Masks that `find` has not returned so far."""
        return tuple(self._unmatched)


def is_mask_folder(name: str) -> bool:
    """Return whether a folder of this name holds masks, not images."""
    return fold(name) in _FOLDED


def _folded(place: _Place) -> _Place:
    above, below, name = place
    return tuple(map(folded_name, above)), tuple(map(folded_name, below)), folded_name(name)


class FolderFiles:
    """The files under a folder, and in which folders the images lie.

    Parameters
    ----------
    root : of the data set

    Attributes
    ----------
    found : files of all kinds
    counts : folders of images -> how many lie right in them
    mask_folders : folders of masks

    Raises
    ------
    DataError : there are no images, it is the folder of a review, or a folder may not be entered.
    """

    def __init__(self, root: Path) -> None:
        if (root / REVIEW_DATABASE).is_file():
            raise DataError(
                f"{root} is a review, no folder of images; give the images, or go on with  "
                f"defectory review {shlex.quote(str(root))}"
            )
        self.root = root
        self.found = find_files(root)
        self._images: list[tuple[Folders, Path]] = []
        self._masks: list[Path] = []
        self.mask_folders: set[Folders] = set()
        for path in self.found.images:
            folders = path.relative_to(root).parts[:-1]
            if any(map(is_mask_folder, folders)):
                self._masks.append(path)
                self.mask_folders.add(folders)
            else:
                self._images.append((folders, path))
        if not self._images:
            raise DataError(_no_images(root, self.found))
        self.counts = Counter(folders for folders, _ in self._images)

    def dataset(
        self, layout: str, readings: Mapping[Folders, Reading | None], notes: Sequence[str]
    ) -> Dataset:
        """Return the data set.

        Parameters
        ----------
        layout : how it was understood
        readings : what is known of the images of each folder; None leaves them out
        notes : what was assumed; what was skipped is told after it
        """
        samples, index = [], MaskIndex(self.root, self._masks)
        for folders, path in self._images:
            reading = readings[folders]
            if reading is not None:
                mask = index.find(folders, path.stem)
                name = path.relative_to(self.root).as_posix()
                kind, split = reading.defect_type, reading.split
                samples.append(Sample(path, reading.label, mask, split, None, kind, name))
        if not samples:
            raise DataError(
                f"no images in {self.root} in the layout {layout!r}; layout=None finds another"
            )
        skipped = self.found.skipped
        told = (*notes, *([explain_skipped(skipped)] if skipped else []))
        return Dataset(self.root, layout, tuple(samples), index.unmatched, skipped, told)


def read_flat(root: Path) -> Dataset:
    """Return the images under a folder at any depth, all unlabeled; DataError where there are none."""
    files = FolderFiles(root)
    return files.dataset("flat", dict.fromkeys(files.counts, UNLABELED), [])


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
