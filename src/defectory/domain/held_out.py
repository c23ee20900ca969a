"""Scores that thresholds are fitted on, and what is known of the images behind them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain.errors import ParameterError

CONTENT_DIGITS = 12
"""An image is known by so many hex digits of the hash of its content."""


@dataclass(frozen=True)
class HeldOutScores:
    """Raw scores of m presumed normals, each by the model without it and without its group.

    Attributes
    ----------
    scores : (m,) float32
    peaks : (m,) float32, the highest values of their maps; empty for a detector that does not localize
    is_confirmed : (m,) bool, whether a person said that the image is normal
    groups : (m,) int64, images of one number belong together; every image without a group has its own
    contents : m hashes of the images' content, 12 hex digits each
    """

    scores: NDArray[np.float32]
    peaks: NDArray[np.float32]
    is_confirmed: NDArray[np.bool_]
    groups: NDArray[np.int64]
    contents: tuple[str, ...]

    def __post_init__(self) -> None:
        m = len(self.scores)
        lengths = {len(self.is_confirmed), len(self.groups), len(self.contents)}
        if lengths != {m} or len(self.peaks) not in (0, m):
            raise ParameterError(f"what is known of {m} held-out scores is of other lengths")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def of(
        cls,
        scores: ArrayLike,
        peaks: ArrayLike = (),
        *,
        is_confirmed: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        contents: Sequence[str] | None = None,
    ) -> "HeldOutScores":
        """Return the scores; where nothing else is said, of confirmed normals, each a group of its own."""
        values = np.asarray(scores, np.float32)
        m = len(values)
        return cls(
            values,
            np.asarray(peaks, np.float32),
            np.ones(m, bool) if is_confirmed is None else np.asarray(is_confirmed, bool),
            np.arange(m) if groups is None else np.asarray(groups, np.int64),
            ("0" * CONTENT_DIGITS,) * m if contents is None else tuple(contents),
        )

    def join(self, other: "HeldOutScores") -> "HeldOutScores":
        """Return the scores of both; no group of one is a group of the other."""
        groups = own_groups(len(self), self.groups)
        return HeldOutScores(
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.peaks, other.peaks]),
            np.concatenate([self.is_confirmed, other.is_confirmed]),
            np.concatenate(
                [groups, own_groups(len(other), other.groups) + groups.max(initial=-1) + 1]
            ),
            (*self.contents, *other.contents),
        )

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "HeldOutScores":
        """Return some of them: an index, or a mark for each."""
        chosen = np.arange(len(self))[rows]
        return HeldOutScores(
            self.scores[chosen],
            self.peaks[chosen] if len(self.peaks) else self.peaks,
            self.is_confirmed[chosen],
            self.groups[chosen],
            tuple(self.contents[i] for i in chosen.tolist()),
        )


def own_groups(n: int, groups: ArrayLike | None) -> NDArray[np.int64]:
    """Return (n,) numbers >= 0 of groups; every image without one (a number below 0) gets its own.

    Raises
    ------
    ParameterError : there is not one whole number an image.
    """
    if groups is None:
        return np.arange(n)
    given = np.asarray(groups)
    if given.shape != (n,) or (n and given.dtype.kind not in "iu"):
        raise ParameterError(
            f"groups of shape {given.shape} and type {given.dtype} do not fit {n} images; give one whole "
            "number an image, below 0 where it belongs to none"
        )
    _, numbers = np.unique(np.where(given < 0, -1 - np.arange(n), given), return_inverse=True)
    found: NDArray[np.int64] = numbers.astype(np.int64)
    return found


def members_of(groups: NDArray[np.int64], order: Iterable[int]) -> Iterator[NDArray[np.intp]]:
    """Yield the places of the members of each of the groups, in this order; each ascending."""
    places = np.argsort(groups, kind="stable")
    numbers, first = np.unique(groups[places], return_index=True)
    parts = dict(zip(numbers.tolist(), np.split(places, first[1:]), strict=True))
    return (parts[number] for number in order)


def number_groups(names: Sequence[str | None]) -> NDArray[np.int64] | None:
    """Return (n,) numbers of named groups, -1 where there is no name; None where nowhere is one."""
    known: dict[str, int] = {}
    found = np.array([-1 if name is None else known.setdefault(name, len(known)) for name in names])
    return found.astype(np.int64) if known else None


@dataclass(frozen=True)
class DefectScores:
    """Raw scores of k defects, by models that have not learned from them.

    Attributes
    ----------
    scores : (k,) float32
    is_simulated : whether the defects were drawn into good images, as there were too few labeled ones
    """

    scores: NDArray[np.float32]
    is_simulated: bool

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> "DefectScores":
        """Return no scores: what the threshold costs is not known."""
        return cls(np.zeros(0, np.float32), is_simulated=False)
