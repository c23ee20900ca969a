"""What detectors on frozen features share: reading features, calibrating, enlarging maps."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore, View
from defectory.detectors.base import (
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.batching import BATCH, batched
from defectory.detectors.camera_noise import NoiseTaker
from defectory.detectors.grids import enlarge
from defectory.detectors.grouping import Groups, Indices, Read, draw_whole_groups, together
from defectory.detectors.statistics import AdditiveFit, FitStatistics, merge_statistics
from defectory.domain import (
    DataError,
    ExportError,
    ImageSource,
    MaskSource,
    NoProgress,
    Progress,
    Scores,
    check_settings,
)
from defectory.domain.scores import AnomalyMap
from defectory.machine import one_thread_a_product

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages

# Features of a batch are gathered, cut to cells and whitened.
_BATCH_COPIES = 5
# Of scoring, whatever the images: buffers of matrix products, and what the allocator keeps.
_SCORE_BYTES = 150 * 2**20
_MAP_CELLS = 4
"""Cells of an anomaly map for each cell of the feature grid, in both directions."""

MAX_HELD_OUT = 2000
"""Held-out scores beyond this number no longer move a threshold; a random share of the normals is taken."""


class FrozenFeatureDetector(NoiseTaker, Detector):
    """Reads frozen features, scores image by image and enlarges maps."""

    stages: ClassVar[tuple[str, ...]]
    n_tiles: int = 1

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        n_tiles: int = 1,
        even_exposure: bool = True,
        denoise: bool = True,
        blur_px: float = 6.0,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.backbone = backbone
        self.size_px = size_px
        self.n_tiles = n_tiles
        self.even_exposure = even_exposure
        self.denoise = denoise
        self.blur_px = blur_px
        self.seed = seed
        self.cache = cache

    @property
    def view(self) -> View:
        """How images are shown to the backbone; ParameterError where the settings allow none."""
        return View(self.size_px, self.n_tiles, self.even_exposure, self.noise_)

    def config(self) -> dict[str, Any]:
        """Return the settings, without the cache: it belongs to the machine."""
        return {key: value for key, value in super().config().items() if key != "cache"}

    def score(self, images: ImageSource, *, progress: Progress | None = None) -> Scores:
        """Return raw scores and anomaly maps; see Detector.score."""
        self._check_fitted()
        progress = progress or NoProgress()
        progress.start("scoring", len(images))
        scores: list[float] = []
        maps: list[AnomalyMap] = []
        with one_thread_a_product:
            for batch in self._batches(images, self.view, range(len(images)), progress):
                batch_scores, cells = self._score_batch(batch)
                scores.extend(batch_scores.tolist())
                maps.extend(self._enlarge(grid) for grid in cells)
        return Scores(np.array(scores, np.float32), maps)

    def to_onnx(self) -> bytes:
        """Return the fitted detector as one ONNX graph; see Detector.to_onnx."""
        self._check_fitted()
        from defectory.detectors.decision_graphs.model import build_decision_graph, enlarge

        def judge(stages: "Stages") -> "tuple[Var, Var]":
            score, cells = self._score_graph(stages)
            return score, enlarge(cells, _MAP_CELLS, self.blur_px * _MAP_CELLS / 16)

        return build_decision_graph(self.view, self.backbone_, judge)

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image, measured on the given few."""
        backbone = self._load_backbone()
        started = time.monotonic()
        for _ in backbone.extract(images, self.view):
            pass
        return (time.monotonic() - started) / len(images)

    def _load_backbone(self) -> Backbone:
        from defectory.backbones.weights import load_backbone  # a bundle brings its own

        return load_backbone(self.backbone, self.stages, cache=self.cache, weights=self.weights)

    def estimate_score_bytes(self, n_images: int) -> int:
        """Return the peak: what is made of a batch, maps of all."""
        return _SCORE_BYTES + self._batch_bytes + 4 * n_images * self.map_size_px**2

    @property
    def reader_bytes(self) -> int:
        """What each image that is read at once takes."""
        from defectory.backbones.memory_estimates import (
            reader_bytes,  # only where memory is limited
        )

        return reader_bytes(self._planned_view, self.stages, self.backbone)

    @property
    def feature_bytes(self) -> int:
        """The size of one image's features."""
        from defectory.backbones.memory_estimates import (
            feature_bytes,  # only where memory is limited
        )

        return feature_bytes(self._planned_view, self.stages, self.backbone)

    @property
    def _planned_view(self) -> View:
        """What estimates go by."""
        return self.view

    @property
    def _batch_bytes(self) -> int:
        """The features of a batch, and what is made of them on the way."""
        return _BATCH_COPIES * BATCH * self.feature_bytes

    @property
    def grid_side(self) -> int:
        """Cells of the feature grid in each direction: one for 16 px."""
        return self.size_px * self.n_tiles // 16

    @property
    def map_size_px(self) -> int:
        """Side of the anomaly maps."""
        return self.grid_side * _MAP_CELLS

    def _batches(
        self, images: ImageSource, view: View, indices: Sequence[int] | NDArray[np.intp],
        progress: Progress,
    ) -> Iterator[list[Features]]:  # fmt: skip
        for batch in batched(self.backbone_.extract(images, view, [int(i) for i in indices])):
            progress.advance(len(batch))
            yield batch

    def _enlarge(self, cells: NDArray[np.float32]) -> AnomalyMap:
        """Return the (g, g) values of the cells, interpolated and blurred, as an anomaly map."""
        return enlarge(cells, _MAP_CELLS, self.blur_px * _MAP_CELLS / 16)

    def _score_graph(self, stages: "Stages") -> "tuple[Var, Var]":
        """Return what `_score_batch` does as a graph: a score () and the cells' values (g, g)."""
        del stages
        raise ExportError(f"{self.name} cannot be exported as a graph")

    @abstractmethod
    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the scores (b,) and the values of the grid's cells (b, g, g).

        No image's may depend, not even by rounding, on how many others there are.
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
            self._learn_noise(images, normals, self.size_px * self.n_tiles)
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
            self._learn_noise(images, everything, self.size_px * self.n_tiles)
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
    ) -> FitStatistics:
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
        statistics: FitStatistics,
        images: ImageSource,
        labels: NDArray[np.int8],
        masks: MaskSource | None,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Fit on statistics of a whole collection and a draw of its images; see AdditiveFit.fit_from."""
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
        self._check_fitted()
        rows = np.arange(len(images))
        rng = np.random.default_rng(self.seed)
        held_out = draw_whole_groups(rows, groups, MAX_HELD_OUT, rng)
        read = self._reader(images, progress or NoProgress())
        known = self._statistics()
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

    def _reader(self, images: ImageSource, progress: Progress) -> Read:
        view = self.view

        def read(rows: Indices, stage: str) -> Iterator[list[Features]]:
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
        self, images: ImageSource, normals: Indices, held_out: Indices, groups: Groups,
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
        groups: Groups,
        basis: Mapping[str, NDArray[Any]] | None,
    ) -> FitStatistics:
        """Return what the first pass over normals leaves of them.

        Parameters
        ----------
        batches : features of n images
        groups : (n,) which group each is of
        basis : in whose terms; None for one that these images show
        """

    @abstractmethod
    def _statistics(self) -> FitStatistics:
        """Return what it was fitted on, as exact as bundles keep it."""

    @abstractmethod
    def _take(self, statistics: FitStatistics) -> None:
        """Learn from what first passes left."""

    @abstractmethod
    def _score_left_out(
        self, before: Self, read: Read, rows: Indices, groups: Groups
    ) -> tuple[Sequence[float] | NDArray[np.float32], Sequence[float]]:
        """Take the scales of the detector before; return left-out scores of new images, and peaks of maps.

        Parameters
        ----------
        before : that has not learned from them
        read, rows, groups : see `_calibrate`; rows are all new
        """

    @abstractmethod
    def _calibrate(
        self, read: Read, normals: Indices, held_out: Indices, groups: Groups
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
