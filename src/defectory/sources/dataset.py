"""A data set as it lies on disk: which images, what is known of each."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from defectory.domain import CONTENT_DIGITS, ImageSource, Label, MaskSource, number_groups
from defectory.sources.contents import FileContents
from defectory.sources.images import FileImages


@dataclass(frozen=True)
class Sample:
    """One image file and what is known of it.

    Attributes
    ----------
    path : the image file
    label : what a person has said of it; UNLABELED where nothing was said
    mask_path : the mask file, or None where there is none (not an empty mask)
    split : "train", "test" or "" where the data set does not say
    group : images of one group belong together (a part, a batch); None where unknown
    defect_type : the kind of defect, or None
    name : the path relative to the data set's root, with forward slashes
    is_random : whether it is of a random sample, as the table of a queue says; None where nothing is said
    """

    path: Path
    label: Label
    mask_path: Path | None
    split: str
    group: str | None
    defect_type: str | None
    name: str
    is_random: bool | None = None


@dataclass(frozen=True)
class Dataset:
    """The images of one folder or manifest, in natural order (or the manifest's).

    Attributes
    ----------
    root : the folder that the names are relative to
    layout : how it was understood: "mvtec", "tree", "flat", "csv", "jsonl", "parquet" or "file"
    samples : one entry an image
    unmatched_masks : mask files that belong to no image
    skipped : (ending, count) of files that were left out because of their ending, most first
    notes : what was assumed, a line each; commands show them
    """

    root: Path
    layout: str
    samples: tuple[Sample, ...]
    unmatched_masks: tuple[Path, ...] = ()
    skipped: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def labels(self) -> NDArray[np.int8]:
        """(n,) int8: the codes of `Label`."""
        return np.array([sample.label for sample in self.samples], dtype=np.int8)

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """(n,) int64: numbers of the groups, -1 where there is none; None where no image has one."""
        return number_groups([sample.group for sample in self.samples])

    def subset(self, split: str) -> "Dataset":
        """Return the images of one split: "train", "test" or "" (those without)."""
        return self.filter(lambda sample: sample.split == split)

    def filter(self, keep: Callable[[Sample], bool]) -> "Dataset":
        """Return the images that `keep` says yes to, in the same order."""
        return replace(self, samples=tuple(sample for sample in self.samples if keep(sample)))

    def files(self) -> list[Path]:
        """Return the files of all images and masks, in order."""
        masks = (sample.mask_path for sample in self.samples)
        return [*(sample.path for sample in self.samples), *filter(None, masks)]

    def images(self, *, max_kept_bytes: int = 0) -> ImageSource:
        """Return the images, to be read when asked for; see FileContents for what is kept."""
        paths = [sample.path for sample in self.samples]
        return FileImages(paths, max_kept_bytes=max_kept_bytes)

    def masks(self, *, max_kept_bytes: int = 0) -> MaskSource:
        """Return the masks, to be read when asked for; see FileContents for what is kept."""
        from defectory.sources.mask_files import FileMasks  # what is only scored has no masks

        paths = [sample.path for sample in self.samples]
        mask_paths = [sample.mask_path for sample in self.samples]
        return FileMasks(paths, mask_paths, max_kept_bytes=max_kept_bytes)

    def contents(self) -> list[str]:
        """Return the first hex digits of the hash of each image's content.

        Raises
        ------
        ImageReadError : a file cannot be read.
        """
        images = self.images()
        return [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(self))]

    def fingerprint(self) -> str:
        """Return a SHA-256 over names, labels, splits and the content of images and masks.

        Raises
        ------
        ImageReadError : a file cannot be read.
        """
        digest, contents = hashlib.sha256(), FileContents()
        for sample in self.samples:
            known = (sample.name, int(sample.label), sample.split)
            digest.update(repr(known).encode("utf-8", "surrogateescape"))
            digest.update(bytes.fromhex(contents.fingerprint(sample.path)))
            mask = sample.mask_path
            digest.update(bytes.fromhex(contents.fingerprint(mask)) if mask else b"no mask")
        return digest.hexdigest()
