"""What the names of the folders above an image say of it: label, split, type of defect."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping

from defectory.domain import DataError, Label
from defectory.sources.folder_files import Folders, Reading, is_mask_folder
from defectory.sources.vocabulary import USUAL, Question, Vocabulary, fold, split_words

SPLITS = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validationset"), "train"),
    **dict.fromkeys(("test", "testing", "testset"), "test"),
}
"""Folded folder name -> split. Validation images are known in training; the test must not see them."""

_N_NAMED = 8


class FolderNames:
    """Reads the folder names of one data set.

    Parameters
    ----------
    images : folders of the images -> how many lie right in them
    masks : folders of the masks
    vocabulary : words for good and bad
    layout : "tree", "mvtec", or None to find out
        Unknown folders in a test split are types of defects (mvtec), or where a folder for good images
        lies in a split beside them (None).
    """

    def __init__(
        self,
        images: Mapping[Folders, int],
        masks: Iterable[Folders],
        vocabulary: Vocabulary,
        layout: str | None,
    ) -> None:
        self._images = images
        self._is_mvtec = layout == "mvtec"
        self._vocabulary = vocabulary
        self._classes = _folders_of_classes(images)
        self._types: dict[Folders, set[str]] = {}
        if layout != "tree":
            self._types = {root: set() for root in self._find_roots()}
            self._learn_types(masks)
        self.readings = {folders: self._read(folders) for folders in images}

    @property
    def roots(self) -> tuple[Folders, ...]:
        """Folders that hold a split with a folder of good images: roots in MVTec layout."""
        return tuple(sorted(self._types))

    @property
    def is_understood(self) -> bool:
        """Whether any name says something of an image's label."""
        return any(reading.said_by for reading in self.readings.values())

    @property
    def has_splits(self) -> bool:
        """Whether any image belongs to a split."""
        return any(reading.split for reading in self.readings.values())

    def is_pure(self) -> bool:
        """Whether all images lie in the splits of one root in MVTec layout, or loose above them."""
        if len(self.roots) != 1:
            return False
        (root,) = self.roots
        return all(
            folders == root[: len(folders)]
            or (folders[: len(root)] == root and is_split(folders[len(root)]))
            for folders in self._images
        )

    def is_loose(self, folders: Folders) -> bool:
        """Whether images of this folder lie above the splits of the only root."""
        return len(folders) <= len(self.roots[0])

    def check(self, root: str) -> None:
        """Raise DataError where a folder's name is not understood beside others that are."""
        unknown = self._unknown()
        if not self.is_understood or not unknown:
            return
        listed = [f"{'/'.join(f)} ({_images(n)})" for f, n in list(unknown.items())[:_N_NAMED]]
        more = f" and {len(unknown) - _N_NAMED} more" if len(unknown) > _N_NAMED else ""
        known = sorted({r.said_by for r in self.readings.values() if r.said_by})[:_N_NAMED]
        word = shlex.quote(next(iter(unknown))[-1])
        raise DataError(
            f"{root}: are these folders good or bad: {', '.join(listed)}{more}? Their names are not "
            f"understood, beside {', '.join(known)}. Say --good {word} or --bad {word}, or move them "
            "into a folder unlabeled/"
        )

    def notes(self) -> list[str]:
        """Return what was assumed, a line each."""
        notes = []
        if self.is_understood:
            notes += _note_words(self.readings.values())
            notes += self._note_loose()
            notes += self._note_inside()
        if len(self.roots) > 1:
            named = ", ".join("/".join(root) or "." for root in self.roots[:_N_NAMED])
            notes.append(
                f"{len(self.roots)} folders with train and test folders of their own are taken as one "
                f"data set: {named}; give one of them if they show different products"
            )
        return notes

    def _read(self, folders: Folders) -> Reading:
        split = next((SPLITS[fold(name)] for name in folders if is_split(name)), "")
        for at, name in self._telling_first(folders):
            label = self._label(folders, at)
            if label is Label.NORMAL and self._is_doubted(folders, at):
                break
            inside = [f for f in folders[at + 1 :] if not is_split(f)]
            if label is Label.ANOMALOUS:
                return Reading(label, split, self._type(folders, at, inside), name)
            if label is not None:
                return Reading(label, split, None, name)
            if self._is_type(folders, at):
                return Reading(Label.ANOMALOUS, split, name, name)
        return Reading(Label.UNLABELED, split)

    def _telling_first(self, folders: Folders) -> list[tuple[int, str]]:
        """Return the names from the top down, but what a person has given first."""
        return sorted(enumerate(folders), key=lambda item: not self._vocabulary.is_own(item[1]))

    def _is_doubted(self, folders: Folders, at: int) -> bool:
        """Whether a folder inside one of good parts says that they are bad, unless a person said better."""
        inside = range(at + 1, len(folders))
        return not self._vocabulary.is_own(folders[at]) and any(
            self._label(folders, i) is Label.ANOMALOUS for i in inside
        )

    def _label(self, folders: Folders, at: int) -> Label | None:
        question = Question.CLASS if folders[:at] in self._classes else Question.WORD
        return self._vocabulary.label_of(folders[at], question)

    def _type(self, folders: Folders, at: int, inside: list[str]) -> str | None:
        if inside:
            return inside[0]
        is_child = at > 0 and is_split(folders[at - 1]) and folders[: at - 1] in self._types
        return folders[at] if is_child or self._vocabulary.says_more(folders[at]) else None

    def _is_type(self, folders: Folders, at: int) -> bool:
        if at == 0 or not is_split(folders[at - 1]) or folders[: at - 1] not in self._types:
            return False
        in_test = SPLITS[fold(folders[at - 1])] == "test"
        known = self._types[folders[: at - 1]]
        return in_test or self._is_mvtec or fold(folders[at]) in known

    def _find_roots(self) -> set[Folders]:
        if self._is_mvtec:
            return {()}
        return {
            folders[:at]
            for folders in self._images
            for at in range(len(folders) - 1)
            if is_split(folders[at]) and self._label(folders, at + 1) is Label.NORMAL
        }

    def _learn_types(self, masks: Iterable[Folders]) -> None:
        """Collect the types of defects that test splits and mask folders name."""
        for folders in (*self._images, *masks):
            for at in range(len(folders) - 1):
                name = folders[at]
                in_test = SPLITS.get(fold(name)) == "test"
                if (in_test or is_mask_folder(name)) and folders[:at] in self._types:
                    self._types[folders[:at]].add(fold(folders[at + 1]))

    def _unknown(self) -> dict[Folders, int]:
        """Return the topmost folders without any understood name above or below -> number of images."""
        known = {
            folders[:depth]
            for folders, reading in self.readings.items()
            if reading.said_by
            for depth in range(len(folders) + 1)
        }
        unknown: dict[Folders, int] = defaultdict(int)
        for folders, reading in self.readings.items():
            if reading.said_by:
                continue
            for depth in range(1, len(folders) + 1):
                if folders[:depth] not in known and not is_split(folders[depth - 1]):
                    unknown[folders[:depth]] += self._images[folders]
                    break
        return dict(unknown)

    def _note_loose(self) -> list[str]:
        loose = {f: n for f, n in self._images.items() if not self.readings[f].said_by}
        if not loose:
            return []
        places = ", ".join("/".join(folders) or "." for folders in list(loose)[:_N_NAMED])
        return [
            f"{_images(sum(loose.values()))} beside labeled folders, in {places}, "
            f"{'is' if sum(loose.values()) == 1 else 'are'} taken as unlabeled"
        ]

    def _note_inside(self) -> list[str]:
        """Return that folders inside one of good parts are taken as good, whatever they are called."""
        inside = [
            folders
            for folders, reading in self.readings.items()
            if reading.label is Label.NORMAL
            and not is_split(folders[-1])
            and folders[-1] != reading.said_by
        ]
        if not inside:
            return []
        listed = ", ".join("/".join(folders) for folders in inside[:_N_NAMED])
        more = f" and {len(inside) - _N_NAMED} more" if len(inside) > _N_NAMED else ""
        return [f"taken as good, since they lie in a folder of good parts: {listed}{more}"]


def is_split(name: str) -> bool:
    """Whether a folder of this name holds a split."""
    return fold(name) in SPLITS


def _note_words(readings: Iterable[Reading]) -> list[str]:
    said: dict[Label, set[str]] = defaultdict(set)
    for reading in readings:
        if reading.said_by and reading.said_by != reading.defect_type:
            said[reading.label].add(reading.said_by)
    if all(fold(name) in USUAL for names in said.values() for name in names):
        return []
    parts = [
        f"as {label.name.lower()}: {', '.join(sorted(said[label])[:_N_NAMED])}"
        for label in (Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED)
        if said[label]
    ]
    return [f"folders taken {'; '.join(parts)}"]


def _folders_of_classes(images: Iterable[Folders]) -> set[Folders]:
    """Return the folders whose numbered folders are 0 and 1, and no other: classes, not batches."""
    numbers: dict[Folders, set[str]] = defaultdict(set)
    for folders in images:
        for at, name in enumerate(folders):
            if name.isdecimal():
                numbers[folders[:at]].add(name)
    return {above for above, names in numbers.items() if names == {"0", "1"}}


def _images(n: int) -> str:
    return f"{n} image" + ("" if n == 1 else "s")


def first_folders(images: Iterable[Folders]) -> list[str]:
    """Return the names of the topmost folders, sorted."""
    return sorted({folders[0] for folders in images if folders}, key=split_words)
