"""What detectors on frozen features share: reading features, in batches, and enlarging maps."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, View
from defectory.detectors.base import (
    Detector,
)
from defectory.detectors.camera_noise import NoiseTaker
from defectory.detectors.grids import BATCH, BATCH_COPIES, batched, enlarge
from defectory.domain import (
    ExportError,
    ImageSource,
    NoProgress,
    Progress,
    Scores,
)
from defectory.domain.scores import AnomalyMap
from defectory.machine import one_thread_a_product

if TYPE_CHECKING:
    from spox import Var

    from defectory.backbones import FeatureStore
    from defectory.detectors.decision_graphs.features import Stages

# Of scoring, whatever the images: buffers of matrix products, and what the allocator keeps.
_SCORE_BYTES = 150 * 2**20
_MAP_CELLS = 4
"""Cells of an anomaly map for each cell of the feature grid, in both directions."""


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
        cache: "FeatureStore | None" = None,
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

        return build_decision_graph([self.view], self.backbone_, judge)

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image, measured on the given few."""
        return self._load_backbone().time_reading(images, self.view)

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
        return BATCH_COPIES * BATCH * self.feature_bytes

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
