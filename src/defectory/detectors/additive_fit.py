"""Fits that add up: the contract, and what detectors on frozen features do in two passes."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features
from defectory.detectors.base import (
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.frozen import FrozenFeatureDetector
from defectory.domain import (
    DataError,
    ImageSource,
    MaskSource,
    NoProgress,
    Progress,
    check_settings,
)
from defectory.machine import one_thread_a_product

if TYPE_CHECKING:  # what only a fit needs, a detector that scores does not load
    from defectory.detectors.grouping import Groups, Indices, Read
    from defectory.detectors.statistics import FitStatistics

MAX_HELD_OUT = 2000
"""Held-out scores beyond this number no longer move a threshold; a random share of the normals is taken."""


class AdditiveFit(Detector):
    """A detector whose fit is a pass that adds up, and a second one over a bounded number of images.

    Attributes
    ----------
    basis_ : arrays that parts share, see `prepare`; those of another process may be set instead
    """

    basis_: Mapping[str, NDArray[Any]]

    @property
    def n_patches(self) -> int:
        """Patches that it remembers at most; 0 where it remembers none."""
        return 0

    @abstractmethod
    def prepare(self, images: ImageSource, *, progress: Progress | None = None) -> Self:
        """Learn from a few normals the basis in whose terms all parts are collected.

        Parameters
        ----------
        images : a few hundred, drawn from the whole collection; the same for all parts
        progress : told of each image
        """

    @abstractmethod
    def collect(
        self,
        images: ImageSource,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> "FitStatistics":
        """Return what a pass over a part's normals leaves of them; prepared, not fitted.

        Parameters
        ----------
        images : n normal or unlabeled images
        groups : (n,) numbers that hold for the whole collection; images of one lie in one part
        progress : told of each image
        """

    @abstractmethod
    def fit_from(
        self,
        statistics: "FitStatistics",
        images: ImageSource,
        labels: NDArray[np.int8],
        masks: MaskSource | None,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Fit on statistics of a whole collection, and on a draw of its images, which are left out of them.

        Parameters
        ----------
        statistics : whose memory it takes: they are of no more use
        images : n of the images, at most some 2,000 normals, and labeled anomalies
        labels : (n,) codes of Label
        masks : as `fit` takes them
        groups : (n,) numbers, as `collect` was given them
        progress : told of each image
        """

    @abstractmethod
    def extend(
        self,
        images: ImageSource,
        labels: NDArray[np.int8],
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Return a detector that has learned from more normals; this one is unchanged, and so are scales.

        What it learned from before is known by its statistics, as exact as a bundle keeps them, and is not
        read again. `held_out_` of what comes back is of the new images: each by the new model without its
        group, or by this one where a group is too large for that.

        Parameters
        ----------
        images : n normal or unlabeled images that it has not learned from
        labels : (n,) codes of Label
        groups : (n,) numbers >= 0
        progress : told of each image
        """


class TwoPassDetector(FrozenFeatureDetector, AdditiveFit):
    """Fits a model of normal features in two passes.

    The second pass scores each normal by the model without it: the detector standardizes its parts by these
    scores, and thresholds are fitted on them, outside.
    """

    def fit(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from the images that are labeled normal or not labeled; see Detector.fit."""
        from defectory.detectors.grouping import draw_whole_groups

        del masks  # a one-class model has no use for them
        check_settings(self.config())
        progress = progress or NoProgress()
        _ = self.view  # refuses settings before an image is read
        normals = usable_as_normal(len(images), labels)
        if len(normals) < 2:
            raise DataError(
                f"{len(normals)} of {len(images)} images are normal or unlabeled; "
                "at least 2 are needed to tell what is normal"
            )
        numbers = groups_to_leave_out(len(images), groups, normals)
        rng = np.random.default_rng(self.seed)
        held_out = draw_whole_groups(normals, numbers, MAX_HELD_OUT, rng)
        with self._reading():
            self.noise_ = self._measure_noise(images, normals, self.view.whole_px)
            progress.start("reading features", len(normals))
            batches = self._batches(images, self.view, normals, progress)
            self._take(self._collect(batches, numbers[normals], None))
            self._leave_out(images, normals, held_out, numbers, labels, progress)
        return self

    def prepare(self, images: ImageSource, *, progress: Progress | None = None) -> Self:
        """Learn what all parts share; see AdditiveFit.prepare."""
        check_settings(self.config())
        progress = progress or NoProgress()
        _ = self.view  # refuses settings before an image is read
        with self._reading():
            everything = np.arange(len(images))
            self.noise_ = self._measure_noise(images, everything, self.view.whole_px)
            progress.start("reading a draw of all", len(images))
            batches = self._batches(images, self.view, everything, progress)
            self.basis_ = {
                **self._noise_basis(),
                **self._collect(batches, everything, None).basis,
            }
            del self.backbone_
        return self

    def collect(
        self,
        images: ImageSource,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> "FitStatistics":
        """Return what a pass over a part's normals leaves of them; see AdditiveFit.collect."""
        progress = progress or NoProgress()
        self._take_noise_basis(self.basis_)
        with self._reading():
            progress.start("reading features", len(images))
            batches = self._batches(images, self.view, range(len(images)), progress)
            found = self._collect(batches, groups, self.basis_)
            del self.backbone_
        return replace(found, basis=self.basis_)

    def fit_from(
        self,
        statistics: "FitStatistics",
        images: ImageSource,
        labels: NDArray[np.int8],
        masks: MaskSource | None,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Fit on statistics of a whole collection and a draw of its images; see AdditiveFit.fit_from."""
        from defectory.detectors.grouping import together

        del masks
        check_settings(self.config())
        self._take_noise_basis(statistics.basis)
        normals = usable_as_normal(len(images), labels)
        with self._reading():
            self._take(statistics)
            held_out = together(normals, groups)
            self._leave_out(images, normals, held_out, groups, labels, progress or NoProgress())
        return self

    def extend(
        self,
        images: ImageSource,
        labels: NDArray[np.int8],
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Return a detector that has learned from more normals; see AdditiveFit.extend."""
        from defectory.detectors.grouping import draw_whole_groups
        from defectory.detectors.statistics import merge_statistics

        self._check_fitted()
        rows = np.arange(len(images))
        rng = np.random.default_rng(self.seed)
        held_out = draw_whole_groups(rows, groups, MAX_HELD_OUT, rng)
        read = self._reader(images, progress or NoProgress())
        known = self._statistics().without_groups()
        extended = copy(self)
        self.backbone_.cache = self.cache
        try:
            with one_thread_a_product:
                new = self._collect(read(rows, "learning more images"), groups, known.basis)
                extended._take(merge_statistics([known, new], self.n_patches, seed=self.seed))
                scores, peaks = extended._score_left_out(self, read, held_out, groups)
        finally:
            self.backbone_.cache = None
        extended.held_out_ = held_out_from(
            images, held_out, scores, peaks, labels=labels, groups=groups
        )
        return extended

    def _reader(self, images: ImageSource, progress: Progress) -> "Read":
        view = self.view

        def read(rows: "Indices", stage: str) -> Iterator[list[Features]]:
            progress.start(stage, len(rows))
            return self._batches(images, view, rows, progress)

        return read

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Have a backbone that reads through the cache; half a fit is none."""
        self.backbone_ = self._load_backbone()
        try:
            with one_thread_a_product:
                yield
        except BaseException:
            del self.backbone_
            raise

    def _leave_out(
        self, images: ImageSource, normals: "Indices", held_out: "Indices", groups: "Groups",
        labels: Sequence[int] | NDArray[np.integer] | None, progress: Progress,
    ) -> None:  # fmt: skip
        """Take the second pass, and keep its scores."""
        read = self._reader(images, progress)
        scores, peaks = self._calibrate(read, normals, held_out, groups)
        self.held_out_ = held_out_from(
            images, held_out, scores, peaks, labels=labels, groups=groups
        )
        # Cached features are rounded: from here on images are read as a shipped bundle reads them.
        self.backbone_.cache = None

    @abstractmethod
    def _collect(
        self,
        batches: Iterator[list[Features]],
        groups: "Groups",
        basis: Mapping[str, NDArray[Any]] | None,
    ) -> "FitStatistics":
        """Return what the first pass over normals leaves of them.

        Parameters
        ----------
        batches : features of n images
        groups : (n,) which group each is of
        basis : in whose terms; None for one that these images show
        """

    @abstractmethod
    def _statistics(self) -> "FitStatistics":
        """Return what it was fitted on, as exact as bundles keep it."""

    @abstractmethod
    def _take(self, statistics: "FitStatistics") -> None:
        """Learn from what first passes left."""

    @abstractmethod
    def _score_left_out(
        self, before: Self, read: "Read", rows: "Indices", groups: "Groups"
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        """Take the scales of the detector before; return left-out scores of new images, and peaks of maps.

        Parameters
        ----------
        before : that has not learned from them
        read, rows, groups : see `_calibrate`; rows are all new
        """

    @abstractmethod
    def _calibrate(
        self, read: "Read", normals: "Indices", held_out: "Indices", groups: "Groups"
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        """Take the second pass, over the held-out images: return their scores and highest map values.

        Each by the model without it and its group.

        Parameters
        ----------
        read : gives the features of images, in batches
        normals : images that were learned from
        held_out : some of them, whole groups, each lying together
        groups : (n,) numbers of all images
        """
