"""`mapl`: memory augmentation, pseudo-labels and simulated defects, learned on a CPU.

Source: Chen & Kang 2024 (MAPL, arXiv 2405.06198), with the pseudo-labeler of Yoon et al. 2023 (SPADE).
Differs from it: see docs/detectors/mapl.md; in short, a frozen EfficientNet-Lite0 by default (the paper's
encoder from scratch is an option), nearest memory by position, more kinds of simulated defects,
pseudo-label losses that do have a gradient, the memory refreshed while an encoder trains, weights kept by a
loss on held-out normals, never by a test set.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore
from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.gaussian_left_out import calibrate_normality
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.grids import batched, enlarge
from defectory.detectors.grouping import Groups, draw_whole_groups, together
from defectory.detectors.segmentation.detector import SegmentationDetector
from defectory.detectors.segmentation.head import count_top, top_pixels
from defectory.detectors.segmentation.inputs import LEVELS
from defectory.detectors.segmentation.rounds import Indices
from defectory.domain import ImageSource, Label, ParameterError, Progress
from defectory.domain.scores import AnomalyMap
from defectory.pseudolabels import PseudoLabeler

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages


PSEUDO_LABELS = ("matching", "percentile", "off")
# Normals whose left-out scores standardize the normality model.
_MAX_CALIBRATED = 2000
_LEAST_SPREAD = 1e-3
_NORMALITY_PREFIX = "normality."
# Cells of an anomaly map for each cell of the normality's grid, and its blur, as `gaussian` has them.
_MAP_CELLS, _BLUR_CELLS = 4, 1.5


class Mapl(SegmentationDetector):
    """MAPL: a head on features and their distance to memory, taught on simulated and known defects.

    Parameters
    ----------
    encoder : "packaged" (frozen, by `backbone`) or "scratch" (the paper's, trained with the rest)
    backbone, size_px, even_exposure, denoise, cache : see `Gaussian`
    mix : "paper", "broad" or "all", the kinds of simulated defects; see docs/simulation.md
    foreground : "auto" or "off", where defects may lie
    n_memory : >= 1, normal images remembered
    memory : "image" (the papers'), "position" or "patch": what the nearest memory is chosen for
    memory_choice : "coreset" or "random" (the papers')
    refresh_memory : re-encode the memory each round while an encoder trains
    whitening : [0, 1], how far directions of frozen features are brought to equal variance
    width : > 0, factor on the channels of decoder and scratch encoder
    use_fusion : multi-scale feature fusion (MSFF), the papers'; off, for it adds nothing here
    use_coordinate_attention : part of fusion; MAPL removed it
    use_spatial_attention : weight features by their distance to memory
    use_image_loss : train the image predictor q on labels and pseudo-labels
    pseudo_labels : "off" (unlabeled images are taken for normal), "matching" or "percentile"
        votes by partial matching (Otsu for a class without labels) or by percentiles; off: they add nothing
    pseudo_simulated : label simulated images by votes, too, as the paper; else they are known to be defective
    pseudo_gradient : False computes their loss without gradient, as the released code does
    n_classifiers : >= 1, one-class models that must agree on a pseudo-label
    use_normality : add what `gaussian` knows of normal images; only with the packaged encoder
        both are standardized by normals that neither was fitted on, and added, in image score and map
    head_weight, map_weight : >= 0, weight of the head in score and map, beside normality's 1
    n_steps, batch_size, learning_rate, weight_decay, warm_up_ratio : of training
    seed : of every draw

    Notes
    -----
    Cost: fit O(n_steps) beside one pass over at most 1,000 images, memory flat in n; the whole on 2 cores in
    minutes. Labeled defects with masks teach the map, those without the image predictor.
    """

    name: ClassVar[str] = "mapl"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=True,
        uses_masks=True,
        localizes=True,
        needs_torch=True,
    )

    def __init__(
        self,
        *,
        encoder: str = "packaged",
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        even_exposure: bool = True,
        denoise: bool = True,
        mix: str = "broad",
        foreground: str = "auto",
        n_memory: int = 30,
        memory: str = "position",
        memory_choice: str = "coreset",
        refresh_memory: bool = True,
        whitening: float = 0.5,
        width: float = 1.0,
        use_fusion: bool = False,
        use_coordinate_attention: bool = False,
        use_spatial_attention: bool = True,
        use_image_loss: bool = True,
        pseudo_labels: str = "off",
        pseudo_simulated: bool = False,
        pseudo_gradient: bool = True,
        n_classifiers: int = 2,
        use_normality: bool = True,
        head_weight: float = 0.1,
        map_weight: float = 1.0,
        n_steps: int = 500,
        batch_size: int = 8,
        learning_rate: float = 3e-3,
        weight_decay: float = 5e-4,
        warm_up_ratio: float = 0.1,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.encoder = encoder
        self.backbone = backbone
        self.size_px = size_px
        self.even_exposure = even_exposure
        self.denoise = denoise
        self.mix = mix
        self.foreground = foreground
        self.n_memory = n_memory
        self.memory = memory
        self.memory_choice = memory_choice
        self.refresh_memory = refresh_memory
        self.whitening = whitening
        self.width = width
        self.use_fusion = use_fusion
        self.use_coordinate_attention = use_coordinate_attention
        self.use_spatial_attention = use_spatial_attention
        self.use_image_loss = use_image_loss
        self.pseudo_labels = pseudo_labels
        self.pseudo_simulated = pseudo_simulated
        self.pseudo_gradient = pseudo_gradient
        self.n_classifiers = n_classifiers
        self.use_normality = use_normality
        self.head_weight = head_weight
        self.map_weight = map_weight
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warm_up_ratio = warm_up_ratio
        self.seed = seed
        self.cache = cache

    def arrays(self) -> Arrays:
        """Return the normality model and how its evidence and the head's are standardized."""
        if not self._adds_normality:
            return super().arrays()
        named = {f"{_NORMALITY_PREFIX}{k}": v for k, v in self.normality_.arrays().items()}
        return {**super().arrays(), **named, "standards": self.standards_}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave; the head must have been set before."""
        super().restore(arrays, backbone)
        if self._adds_normality:
            n = len(_NORMALITY_PREFIX)
            own = {k[n:]: v for k, v in arrays.items() if k.startswith(_NORMALITY_PREFIX)}
            self.normality_ = GaussianNormality(self.size_px).restore(own, backbone)
            self.standards_ = check_array(arrays, "standards", (4, 2))
            if (self.standards_[:, 1] <= 0).any():
                raise ParameterError("a spread is not positive")
        return self

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak of training, or of the normality model beside torch."""
        if not self._adds_normality:
            return super().estimate_fit_bytes(n_images)
        return super().estimate_fit_bytes(n_images) + GaussianNormality(
            self.size_px
        ).estimate_bytes(n_images)

    def _wanted_stages(self) -> tuple[str, ...]:
        if not self._adds_normality:
            return LEVELS
        wanted = {*LEVELS, *GaussianNormality.stages}
        return tuple(sorted(wanted, key=lambda name: int(name.removeprefix("block"))))

    @property
    def _adds_normality(self) -> bool:
        return self.use_normality and self.encoder == "packaged"

    def _calibrate(
        self, images: ImageSource, train: Indices, held_out: Indices, groups: Groups,
        progress: Progress,
    ) -> tuple[list[float], list[float]]:  # fmt: skip
        """Fit the normality model, and bring it and the head to one scale on images held out from both.

        The head has never seen these images; the normality model has, and is asked without each of them.
        """
        if not self._adds_normality:
            return super()._calibrate(images, train, held_out, groups, progress)
        scores, grids = self._fit_normality(images, train, held_out, groups, progress)
        maps = [enlarge(grid, _MAP_CELLS, _BLUR_CELLS) for grid in grids]
        heats = [
            _shrink(self._head.run(self._levels_of(features))[0], len(maps[0]))
            for features in self.backbone_.extract(images, self.view, [int(i) for i in held_out])
        ]
        tops = np.array([top_pixels(heat) for heat in heats], np.float32)
        self.standards_ = np.array(
            [
                (np.mean(part), max(float(np.std(part)), _LEAST_SPREAD))
                for part in (scores, tops, maps, heats)
            ],
            np.float32,
        )
        fused = [self._fuse(*parts) for parts in zip(scores, maps, tops, heats, strict=True)]
        return [score for score, _ in fused], [float(heat.max()) for _, heat in fused]

    def _fit_normality(
        self, images: ImageSource, train: Indices, held_out: Indices, groups: Groups,
        progress: Progress,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:  # fmt: skip
        """Return scores (m,) and grids (m, g, g) of the held-out images, each by the model without it."""
        normals = np.sort(np.concatenate([train, held_out]))

        def make() -> GaussianNormality:
            return GaussianNormality(self.size_px)

        def read(rows: Indices, stage: str) -> Iterator[list[Features]]:
            progress.start(stage, len(rows))
            return self._batches(images, rows, progress)

        self.normality_ = make().learn(read(normals, "learning what is normal"))
        # what standardizes is drawn anew: images held out from the head, and others
        rng = np.random.default_rng(self.seed)
        n_more = max(1, _MAX_CALIBRATED - len(held_out))
        others = draw_whole_groups(train, groups, n_more, rng)
        order = np.concatenate([together(held_out, groups), others])
        scores, grids = calibrate_normality(self.normality_, make, read, normals, order, groups)
        rows = np.argsort(order[: len(held_out)])
        return scores[rows], grids[rows]

    def _judge(
        self, images: ImageSource, indices: Sequence[int]
    ) -> Iterator[tuple[float, AnomalyMap]]:
        if not self._adds_normality:
            yield from super()._judge(images, indices)
            return
        for batch in batched(self.backbone_.extract(images, self.view, indices)):
            scores, grids = self.normality_.score(batch)
            for features, score, grid in zip(batch, scores, grids, strict=True):
                normality = enlarge(grid, _MAP_CELLS, _BLUR_CELLS)
                heat = _shrink(self._head.run(self._levels_of(features))[0], len(normality))
                yield self._fuse(score, normality, top_pixels(heat), heat)

    def _judge_graph(self, stages: "Stages") -> "tuple[Var, Var]":
        if not self._adds_normality:
            return super()._judge_graph(stages)
        from defectory.detectors.decision_graphs import gaussian, model, segmentation

        score, grid = gaussian.judge(stages, self.normality_)
        normality = model.enlarge(grid, _MAP_CELLS, _BLUR_CELLS)
        side = self.normality_.grid_side * _MAP_CELLS
        heat = segmentation.shrink(self._run_head_graph(stages), side)
        top = segmentation.mean_of_top_pixels(heat, count_top)
        return (
            segmentation.add_scaled(score, top, self.standards_[:2], self.head_weight),
            segmentation.add_scaled(normality, heat, self.standards_[2:], self.map_weight),
        )

    def _fuse(
        self, score: float, normality: AnomalyMap, top: float, heat: AnomalyMap
    ) -> tuple[float, AnomalyMap]:
        """Return image score and map: both parts in units of what held-out normals show, added."""
        z_score, z_top, z_map, z_heat = (
            (part - center) / spread
            for part, (center, spread) in zip(
                (score, top, normality, heat), self.standards_, strict=True
            )
        )
        fused: AnomalyMap = (z_map + self.map_weight * z_heat).astype(np.float32)
        return float(z_score + self.head_weight * z_top), fused

    def _levels_of(self, features: Features) -> Features:
        return {name: features[name] for name in LEVELS}

    def _batches(
        self, images: ImageSource, indices: Indices, progress: Progress
    ) -> Iterator[list[Features]]:
        listed = [int(i) for i in indices]
        for batch in batched(self.backbone_.extract(images, self.view, listed)):
            progress.advance(len(batch))
            yield batch

    def _make_pseudo_label(self) -> Any:
        if self.pseudo_labels == "off":
            return None
        labeler = self._make_labeler()

        def give(
            descriptors: NDArray[np.float32], codes: NDArray[np.int8], number: int
        ) -> NDArray[np.int8]:
            is_same = len(np.unique(descriptors, axis=0)) < 2
            if is_same or (codes == Label.UNLABELED).sum() < 2 * self.n_classifiers:
                return codes  # too few for a vote: they stay in doubt
            return labeler.label(descriptors, codes, round=number).labels

        return give

    def _make_labeler(self) -> PseudoLabeler:
        return PseudoLabeler(
            n_classifiers=self.n_classifiers,
            thresholds="percentile" if self.pseudo_labels == "percentile" else "matching",
            seed=self.seed,
        )

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.pseudo_labels not in PSEUDO_LABELS:
            raise ParameterError(
                f"pseudo_labels is {self.pseudo_labels!r}; choose one of {', '.join(PSEUDO_LABELS)}"
            )
        if min(self.head_weight, self.map_weight) < 0:
            raise ParameterError("head_weight and map_weight must not be negative")
        self._make_labeler()  # says what is wrong with n_classifiers


def _shrink(heat: AnomalyMap, side: int) -> AnomalyMap:
    """Return the means of the head's map in the cells of a coarser one."""
    factor = len(heat) // side
    shrunk: AnomalyMap = heat.reshape(side, factor, side, factor).mean(axis=(1, 3))
    return shrunk
