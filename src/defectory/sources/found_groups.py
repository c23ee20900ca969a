"""Groups that nobody wrote down: pictures that show a part again, under other light or a moment later."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.sources.dataset import Dataset
from defectory.sources.fine_structure import FineStructure, Thumbnails
from defectory.sources.grouping import PARENT
from defectory.sources.near_duplicates import alike_pairs

MOST_IN_A_GROUP = 32
"""A sequence in which each picture resembles the next is cut into groups of at most so many."""

N_NEEDED = 299
"""Good images that promise the usual 1 % at 95 % confidence."""

_MOST_IMAGES = 20_000
"""Hashes of all pairs of more take minutes."""

_SEPARATORS = r"[-_. ]+"
_LEAST_PAIRS = 10
# Of the pictures found alike in a group and of any two: how many share a field that tells groups.
_LEAST_SHARED, _MOST_BY_CHANCE = 0.95, 0.2

Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class FoundGroups:
    """What the pictures themselves say of which belong together.

    Attributes
    ----------
    numbers : (n,) int64 from 0 on, counted by first images; most images may be alone
    rule : a `--group-by` rule on the images' names that agrees with them and tells more; None where there
        is none. Whether it tells what the user means by a group, nobody but the user knows
    """

    numbers: NDArray[np.int64]
    rule: str | None

    @property
    def n_groups(self) -> int:
        """Parts that the images seem to show."""
        return int(self.numbers.max(initial=-1)) + 1

    @property
    def is_alone(self) -> NDArray[np.bool_]:
        """(n,) bool, images that seem to show a part that no other shows."""
        return np.asarray(np.bincount(self.numbers)[self.numbers] == 1)

    def explain(self) -> str:
        """Return in a line what was found."""
        n_alike = int((~self.is_alone).sum())
        parts = "1 part" if self.n_groups == 1 else f"{self.n_groups} parts"
        return (
            f"{len(self.numbers)} images look like {parts}: {n_alike} seem to show a part that "
            "another shows, too"
        )

    def advise(self) -> str:
        """Return in a line what to do where that is wrong, or less than is known."""
        if self.rule is None:
            return (
                "say better with --group-by RULE, or 'none' where each image is a part of its own"
            )
        return (
            f"--group-by '{self.rule}' agrees with them and joins more; give it where new parts differ as "
            "much from these as its groups from each other, or 'none' where each image is a part of its own"
        )


def wants_groups(train: Dataset, n_needed: int = N_NEEDED) -> bool:
    """Return whether groups are looked for among images to learn from: none are named, nor are they too many.

    Nor where nothing can be promised, as some are unlabeled and few are called good: other pictures of a part
    help to tell that one of them shows a defect.

    Parameters
    ----------
    n_needed : good images that a promise needs where others are unlabeled
    """
    labels = train.labels
    n_good = int((labels == Label.NORMAL).sum())
    may_promise = n_good >= n_needed or (n_good > 0 and not (labels == Label.UNLABELED).any())
    return train.groups is None and may_promise and len(train) <= _MOST_IMAGES


def find_groups(thumbnails: Thumbnails, names: Sequence[str]) -> FoundGroups:
    """Return which of n images show the same part.

    Parameters
    ----------
    thumbnails : (n, 64, 64) uint8, gray
        Whole images, squeezed to the square.
    names : n paths, relative, with forward slashes

    Notes
    -----
    Pairs are found as in `find_similar_pairs`, but need no agreement beyond what is unusual in this
    collection. The most alike are joined first (single linkage, Gower and Ross 1969), unless the group
    would exceed 32 images. What cannot be told from pictures of one part: rare kinds of product that
    all look the same. Cost: as `find_similar_pairs`. Random: nothing.
    """
    pairs, agreement = alike_pairs(FineStructure(thumbnails))
    numbers = _join(len(thumbnails), pairs[np.argsort(-agreement, kind="stable")])
    return FoundGroups(numbers, _rule_of_names(names, pairs))


def _join(n: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return (n,) numbers of groups, made by joining pairs in this order."""
    joined_to, size = list(range(n)), [1] * n

    def first_of(image: int) -> int:
        while joined_to[image] != image:
            image = joined_to[image]
        return image

    for i, j in pairs.tolist():
        first, second = sorted((first_of(i), first_of(j)))
        if first != second and size[first] + size[second] <= MOST_IN_A_GROUP:
            joined_to[second] = first
            size[first] += size[second]
    _, numbers = np.unique([first_of(i) for i in range(n)], return_inverse=True)
    return numbers.astype(np.int64)


def _rule_of_names(names: Sequence[str], pairs: Pairs) -> str | None:
    """Return the finest rule by which alike pictures, and few others, share what it finds in their names."""
    finest, rule = _MOST_BY_CHANCE, None
    if len(pairs) < _LEAST_PAIRS:
        return None
    for candidate, values in _fields(names):
        by_chance = sum((n / len(names)) ** 2 for n in Counter(values).values())
        shared = np.mean([values[i] == values[j] for i, j in pairs.tolist()])
        if shared >= _LEAST_SHARED and by_chance < finest:
            finest, rule = by_chance, candidate
    return rule


def _fields(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield rules, and what each finds in the names: their folder, and each field that all of them have."""
    paths = [PurePosixPath(name) for name in names]
    yield PARENT, [path.parent.as_posix() for path in paths]
    split = [re.split(_SEPARATORS, path.stem) for path in paths]
    for place in range(min(map(len, split))):
        before = rf"(?:[^-_. /]*{_SEPARATORS}){{{place}}}" if place else ""
        yield rf"(?:^|/){before}([^-_. /]+)[^/]*$", [fields[place] for fields in split]
