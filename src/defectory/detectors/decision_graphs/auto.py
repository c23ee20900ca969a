"""`auto` as a graph: `Normality`, `PlaceRows` and `LearnedState`, of one image."""

from functools import cached_property

import numpy as np
import spox.opset.ai.onnx.v18 as op
from numpy.typing import NDArray
from spox import Var

from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import (
    Stages,
    as_rows,
    mean_and_spread,
    pool,
    stack_stages,
)
from defectory.detectors.decision_graphs.normality import (
    mahalanobis,
    mean_of_highest,
    nearest_patches,
    scaled,
    top_mean,
)
from defectory.detectors.evidence.classifier import PlaceClassifier
from defectory.detectors.evidence.evidence import Evidence
from defectory.detectors.evidence.normality import (
    IMAGE_STAGE,
    PATCH_STAGES,
    PLACE_STAGES,
    STEP,
    Normality,
)
from defectory.detectors.evidence.scales import IMAGE_WEIGHT, N_ODDEST
from defectory.detectors.evidence.training_set import GAIN, MOST, OF_IMAGE
from defectory.detectors.grids import interpolation_matrix


def judge(stages: Stages, evidence: Evidence) -> tuple[Var, Var]:
    """Return the score () and the values of the map's cells (rows, columns)."""
    image, learned = _MeasuredImage(stages, evidence.normality), evidence.learned
    scores = heats = f32(0.0)
    if learned.images is not None:
        scores = top_mean(image.logits(learned.images, in_context=False), learned.top_ratio)
    if learned.maps is not None:
        heats = image.spread_over_patches(image.logits(learned.maps, in_context=True))
    return (
        _fuse(image.score, scores, learned.scales[:, :2], learned.weights[0]),
        _fuse(image.heat, heats, learned.scales[:, 2:], learned.weights[1]),
    )


class _MeasuredImage:
    """What normality says of an image, and of its places; see `Normality` for every step."""

    def __init__(self, stages: Stages, normality: Normality) -> None:
        self._normality = normality
        self._grid, self._scales = normality.grid, normality.scales_
        grid = self._grid.patches
        places = as_rows(pool(stack_stages(stages, PLACE_STAGES, grid), self._grid.share))
        self._projected = op.matmul(places, f32(normality.directions_))
        self._patches = nearest_patches(normality.bank_, stack_stages(stages, PATCH_STAGES, grid))
        self._image = op.unsqueeze(mean_and_spread(stages[IMAGE_STAGE]), i64([0, 1]))
        self.heat = op.div(self._patches, f32(self._scales.unit))

    @cached_property
    def by_place(self) -> Var:
        """(p,) standardized distances to the places' Gaussians."""
        distances = mahalanobis(self._normality.places_, op.unsqueeze(self._projected, i64([1])))
        return scaled(op.squeeze(distances, i64([1])), self._scales.place)

    @cached_property
    def by_patch(self) -> Var:
        """(p,) standardized distances of each place's oddest patch."""
        scale = self._scales.patch.reshape(2, *self._grid.patches)
        return self._highest(scaled(self._patches, scale))

    @cached_property
    def by_both(self) -> Var:
        """(p,) both added."""
        return op.add(op.mul(f32(self._scales.place_weight), self.by_place), self.by_patch)

    @cached_property
    def score(self) -> Var:
        """() of the oddest places and the image as a whole."""
        oddest = mean_of_highest(self.by_both, min(N_ODDEST, self._grid.n_places))
        whole = op.squeeze(mahalanobis(self._normality.image_, self._image), i64([0, 1]))
        of_places, of_image = self._scales.part.T
        return op.add(scaled(oddest, of_places), op.mul(f32(IMAGE_WEIGHT), scaled(whole, of_image)))

    def logits(self, classifier: PlaceClassifier, *, in_context: bool) -> Var:
        """Return (p,) logits of places, see `PlaceRows`."""
        network = classifier.together
        columns = [self._described, self._distance_columns(in_context)]
        if in_context:
            mean = op.reduce_mean(self._described, i64([0]), keepdims=1)
            columns.insert(1, op.expand(mean, op.shape(self._described)))
        hidden = op.add(
            op.matmul(op.concat(columns, axis=1), f32(network.inner)), f32(network.inner_bias)
        )
        logits = op.matmul(op.relu(hidden), f32(network.outer[:, None]))
        return op.add(op.squeeze(logits, i64([1])), f32(network.outer_bias))

    def spread_over_patches(self, values: Var) -> Var:
        """Return (rows, columns) of (p,) values of places."""
        few, many = self._grid.places, self._grid.patches
        down, across = (interpolation_matrix(*sides) for sides in zip(few, many, strict=True))
        return op.matmul(op.matmul(f32(down), op.reshape(values, i64(few))), f32(across.T))

    @cached_property
    def _described(self) -> Var:
        """(p, w) float32: principal components, coarse as bundles remember them."""
        n = self._normality.n_components
        scale = np.float32(STEP) * np.sqrt(self._normality.variances_[-n:])
        own = op.slice(self._projected, i64([-n]), i64([np.iinfo(np.int64).max]), i64([1]))
        away = op.div(op.sub(own, f32(self._normality.places_.means[:, -n:])), f32(scale))
        return op.mul(f32(STEP), op.clip(op.round(away), f32(-127), f32(127)))

    def _distance_columns(self, in_context: bool) -> Var:
        """Return (p, e): see `distance_columns`."""
        mean = op.expand(op.reduce_mean(self.by_both, i64([0])), op.shape(self.by_both))
        parts = [self.by_place, self.by_patch, self._near(), mean, self._highest(self.heat)]
        if in_context:
            del parts[OF_IMAGE]
        columns = op.concat([op.unsqueeze(part, i64([1])) for part in parts], axis=1)
        return op.mul(f32(GAIN), op.clip(columns, f32(-MOST), f32(MOST)))

    def _near(self) -> Var:
        """Return (p,) means of `by_both` over 3 x 3 places; edges are repeated."""
        rows, columns = self._grid.places
        grid = op.reshape(self.by_both, i64([1, 1, rows, columns]))
        padded = op.pad(grid, i64([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
        return op.reshape(op.average_pool(padded, kernel_shape=[3, 3]), i64([-1]))

    def _highest(self, patches: Var) -> Var:
        """Return (p,), the highest of (rows, columns) values of patches that share a place."""
        if self._grid.share == 1:
            return op.reshape(patches, i64([-1]))
        given = op.unsqueeze(patches, i64([0, 1]))
        sides = [self._grid.share] * 2
        highest, _ = op.max_pool(given, kernel_shape=sides, strides=sides)
        return op.reshape(highest, i64([-1]))


def _fuse(normality: Var, learned: Var, scales: NDArray[np.float32], weight: np.float32) -> Var:
    """Return both on one scale, added; see `learned_state.fuse`."""
    return op.add(
        scaled(normality, scales[:, 0]), op.mul(f32(weight), scaled(learned, scales[:, 1]))
    )
