"""The contract of every detector."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone
from defectory.domain import (
    CONTENT_DIGITS,
    ExportError,
    HeldOutScores,
    ImageSource,
    Label,
    MaskSource,
    NotFittedError,
    ParameterError,
    Progress,
    Scores,
    own_groups,
)

if TYPE_CHECKING:  # of fits alone
    from defectory.backbones import FeatureStore
    from defectory.domain import Suspect, TrainingResources

Arrays = dict[str, NDArray[Any]]
"""Named arrays of float32, float16 or int8, all finite."""


@dataclass(frozen=True)
class Capabilities:
    """What a detector can make use of; the conformance suite reads it."""

    uses_unlabeled: bool
    uses_labeled_anomalies: bool
    uses_masks: bool
    localizes: bool
    needs_torch: bool


@dataclass(frozen=True)
class FitCost:
    """What a fit will take, about.

    Attributes
    ----------
    fit_s : seconds, where no features are cached
    refit_s : seconds more where odd images give reason to fit again; 0 where none can
    images_a_second : that scoring will do, with maps
    """

    fit_s: float
    refit_s: float
    images_a_second: float


class Detector(ABC):
    """A model of what is normal that scores images; higher = more anomalous, always.

    `__init__` takes keywords only and stores them; learned attributes end in `_`. State is config + named
    arrays + one backbone + at most one trained head. Thresholds live outside (room calibration).
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    reading_share: ClassVar[float] = 0.6
    """Share of a fit's time that reading images may take, so that the rest fits into a time budget, too."""
    overhead: ClassVar[int] = 0
    """What a fit costs however few its images are, in images read: it comes off a time budget first."""

    cache: "FeatureStore | None" = None
    """Where features are looked up and stored; a resource of the machine, not part of the config."""

    resources: "TrainingResources | None" = None
    """What training may use of the machine, for a method that trains; no part of the config either."""

    weights: Path | None = None
    """File of weights for a backbone of timm; of the machine, not of the config. None takes timm's cache."""

    backbone_: Backbone
    head_: bytes | None = None
    """ONNX of a network that was trained on the backbone's features, where a method trains one."""
    held_out_: HeldOutScores
    """Raw scores of presumed normals, by models without them: what thresholds are fitted on, outside."""
    left_out_defects_: NDArray[np.float32] = np.zeros(0, np.float32)
    """Raw scores of labeled defects that it learned from, each by models that have not; it may give none."""
    suspects_: "tuple[Suspect, ...]" = ()
    """Unlabeled images of the fit that were distrusted, oddest first; a detector may look for none."""
    account_: tuple[str, ...] = ()
    """What there was to learn from and what was done with it, in plain lines; a detector may give none."""

    @property
    def known_labels(self) -> Mapping[str, Label]:
        """First 12 hex digits of an image's fingerprint -> its label; it may remember none."""
        return {}

    @abstractmethod
    def fit(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images; return self.

        Parameters
        ----------
        images : n images of any sizes
        labels : (n,) codes of Label, or None for all unlabeled
        masks : n masks or None for none; None entries are allowed
        groups : (n,) numbers, or None for no groups
            images of one number >= 0 belong together (a part, an hour of production): held-out scores are
            those of models without the whole group
        progress : told of each image

        Raises
        ------
        ParameterError : a setting is out of range, or labels or groups do not fit the images.
        DataError : too few usable images, or one that cannot be read.
        """

    @abstractmethod
    def score(self, images: ImageSource, *, progress: Progress | None = None) -> Scores:
        """Return raw scores; pure: neither companions nor order of the images matter.

        Parameters
        ----------
        images : n images of any sizes
        progress : told of each image

        Raises
        ------
        NotFittedError : before fit.
        ImageReadError : an image cannot be read.
        """

    @abstractmethod
    def arrays(self) -> Arrays:
        """Return the learned state as named arrays; see Arrays."""

    @abstractmethod
    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave, `head_` being set.

        Parameters
        ----------
        arrays : as `arrays` gave them
        backbone : that features are read by

        Raises
        ------
        ParameterError : the arrays do not fit the settings.
        """

    def to_onnx(self) -> bytes:
        """Return the fitted detector as one ONNX graph, for runtimes without Python.

        Its input `image` is (h, w, 3) uint8, one decoded RGB image of any size; its outputs are `score` (),
        the raw image score, and, where it localizes, `map` (rows, columns), the anomaly map, float32. Needs
        the extra `export`.

        Raises
        ------
        NotFittedError : before fit.
        ExportError : there is no graph for this detector, or not for these settings.
        """
        raise ExportError(f"{self.name} cannot be exported as a graph")

    @abstractmethod
    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return an upper estimate of what fit adds to the memory of the process, in bytes.

        Without the images that are read, see `reader_bytes`, and without features kept for the next pass.

        Parameters
        ----------
        n_images : that are learned from
        """

    def estimate_score_bytes(self, n_images: int) -> int:
        """Return an upper estimate of what `score` of so many images adds to the memory, in bytes.

        Parameters
        ----------
        n_images : that are scored at once
        """
        return self.estimate_fit_bytes(n_images)

    def look_at(self, images: ImageSource) -> None:  # noqa: B027  most depend on nothing
        """Take from a few images of a fit what estimates depend on, if anything; nothing is learned.

        Parameters
        ----------
        images : that the fit will be given
        """

    @property
    def reader_bytes(self) -> int:
        """What each image that is read at once takes of memory, in bytes, beside decoding it."""
        return 64 * 2**20

    @property
    def feature_bytes(self) -> int:
        """The size of one image's features as they are read, in bytes."""
        return 2 * 2**20

    @abstractmethod
    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image.

        Parameters
        ----------
        images : a few, to measure on
        """

    def estimate_cost(
        self,
        images: ImageSource,
        labels: NDArray[np.int8],
        groups: NDArray[np.int64] | None = None,
    ) -> FitCost | None:
        """Return what a fit on these images will take, measured on a few; None where that is not known.

        Nothing is learned.

        Parameters
        ----------
        images, labels, groups : as `fit` takes them
        """
        del images, labels, groups
        return None

    def config(self) -> dict[str, Any]:
        """Return the constructor's keywords with their present values, JSON-ready."""
        return {key: getattr(self, key) for key in inspect.signature(type(self)).parameters}

    def _check_fitted(self) -> None:
        if not hasattr(self, "backbone_"):
            raise NotFittedError(f"this {self.name} detector has not been fitted: call fit() first")


def usable_as_normal(
    n_images: int, labels: Sequence[int] | NDArray[np.integer] | None
) -> NDArray[np.intp]:
    """Return the indices a one-class model may learn from: labeled normal or unlabeled, never anomalous."""
    if labels is None:
        return np.arange(n_images)
    codes = np.asarray(labels)
    if codes.shape != (n_images,) or not np.isin(codes, [int(code) for code in Label]).all():
        raise ParameterError(
            f"labels of shape {codes.shape} do not fit {n_images} images; give one of -1, 0, 1 an image"
        )
    return np.flatnonzero(codes != Label.ANOMALOUS)


def groups_to_leave_out(
    n_images: int, groups: Sequence[int] | NDArray[np.integer] | None, usable: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return (n,) numbers of groups, each image one; where all usable images are of one, each has its own.

    Counted by first images, so that nothing depends on what the groups were called.

    Raises
    ------
    ParameterError : there is not one whole number an image.
    """
    numbers = own_groups(n_images, groups)
    if len(usable) and (numbers[usable] == numbers[usable[0]]).all():
        return np.arange(n_images)
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    counted: NDArray[np.int64] = np.argsort(np.argsort(first))[inverse]
    return counted


def held_out_from(
    images: ImageSource,
    indices: NDArray[np.intp],
    scores: Sequence[float] | NDArray[np.float32],
    peaks: Sequence[float] | NDArray[np.float32],
    *,
    labels: Sequence[int] | NDArray[np.integer] | None,
    groups: NDArray[np.int64],
) -> HeldOutScores:
    """Return the scores of these images of a fit, with what the fit was told of them."""
    is_confirmed = None if labels is None else np.asarray(labels)[indices] == Label.NORMAL
    return HeldOutScores.of(
        scores,
        peaks,
        is_confirmed=np.zeros(len(indices), bool) if is_confirmed is None else is_confirmed,
        groups=groups[indices],
        contents=[images.fingerprint(int(i))[:CONTENT_DIGITS] for i in indices],
    )
