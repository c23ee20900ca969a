"""What a detector says of images, what is made of it, and the scores that thresholds are fitted on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain.errors import ParameterError

AnomalyMap = NDArray[np.float32]
"""(h, w) float32 on the detector's grid, higher = more anomalous; it covers the whole image."""

CONTENT_DIGITS = 12
"""An image is known by so many hex digits of the hash of its content."""


@dataclass(frozen=True)
class Scores:
    """Raw scores of n images; never rescaled by a threshold.

    Attributes
    ----------
    image_scores : (n,) float32, higher = more anomalous
    anomaly_maps : n arrays (h, w) float32 over the whole image each, or None for a detector that does not
        localize. Their resolution is the detector's `map_size_px`, not the image's.
    """

    image_scores: NDArray[np.float32]
    anomaly_maps: Sequence[AnomalyMap] | None = None

    def __len__(self) -> int:
        return len(self.image_scores)


@dataclass(frozen=True)
class Region:
    """One connected defect region, in pixels of the original image.

    Attributes
    ----------
    x_px, y_px, width_px, height_px : bounding box, left upper corner and size
    area_px : how many pixels exceed the pixel threshold
    peak_x_px, peak_y_px : where the anomaly map is highest
    peak_score : the map's value there
    """

    x_px: int
    y_px: int
    width_px: int
    height_px: int
    area_px: int
    peak_x_px: int
    peak_y_px: int
    peak_score: float


Outcome = Literal["accepted", "review", "rejected"]
"""What becomes of an image; review: a person is to look at it."""


@dataclass(frozen=True)
class Decision:
    """Accept or reject of one image, or neither, with the raw score that led to it.

    Attributes
    ----------
    score : raw score; higher = more anomalous
    threshold : a score above it is rejected; infinite where there were no good images to fit it on
    is_anomalous : whether the image is rejected
    regions : where, highest peak first; empty where it is accepted, or the detector does not localize
    accept_threshold : a score from it up to `threshold` is for a person to look at; minus infinity where no
        defects were known to fit it on; None where nothing is for a person
    """

    score: float
    threshold: float
    is_anomalous: bool
    regions: tuple[Region, ...] = ()
    accept_threshold: float | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the image is accepted, rejected, or between the two: to be looked at."""
        if self.is_anomalous:
            return "rejected"
        is_clear = self.accept_threshold is None or self.score < self.accept_threshold
        return "accepted" if is_clear else "review"


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


def finite_or_none(value: float | None) -> float | None:
    """Return the number; None where there is none, or it is infinite or nan: JSON has no place for those."""
    return float(value) if value is not None and isfinite(value) else None


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
    is_fair : whether labeled ones stand for those to come: none was asked about for its score, and scores are
        those of parts as they are now
    """

    scores: NDArray[np.float32]
    is_simulated: bool
    is_fair: bool = True

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> "DefectScores":
        """Return no scores: what the threshold costs is not known."""
        return cls(np.zeros(0, np.float32), is_simulated=False)

    @property
    def kind(self) -> str:
        """What they are, in words that stand before "defects"."""
        if self.is_simulated:
            return "simulated"
        return "labeled" if self.is_fair else "chosen"

    @property
    def can_promise(self) -> bool:
        """Whether what is counted on them holds for defects to come, within its interval."""
        return self.is_fair and not self.is_simulated
