"""`mapl`: memory augmentation, pseudo-labels and simulated defects, learned on a CPU.

Source: Chen & Kang 2024 (MAPL, arXiv 2405.06198), with the pseudo-labeler of Yoon et al. 2023 (SPADE).
Differs from it: see docs/detectors/mapl.md; in short, a frozen EfficientNet-Lite0 by default (the paper's
encoder from scratch is an option), nearest memory by position, more kinds of simulated defects,
pseudo-label losses that do have a gradient, the memory refreshed while an encoder trains, weights kept by a
loss on held-out normals, never by a test set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore, View
from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays, Capabilities
from defectory.detectors.evidence.evidence import Evidence
from defectory.detectors.evidence.fitter import AutoFitter, FitSettings
from defectory.detectors.evidence.measured_images import FeaturePasses
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.grids import BATCH, BATCH_COPIES, batched, enlarge, resize
from defectory.detectors.grouping import draw_whole_groups
from defectory.detectors.image_shape import choose_shape, largest_square
from defectory.detectors.segmentation.detector import SegmentationDetector
from defectory.detectors.segmentation.head import count_top, top_pixels
from defectory.detectors.segmentation.inputs import LEVELS
from defectory.detectors.segmentation.rounds import Indices
from defectory.domain import ImageSource, Label, ParameterError
from defectory.domain.scores import AnomalyMap
from defectory.machine import one_thread_a_product
from defectory.pseudolabels import PseudoLabeler

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages


PSEUDO_LABELS = ("matching", "percentile", "off")
_LEAST_SPREAD = 1e-3
# Cells of an anomaly map for each cell of the evidence's grid, and its blur, as `auto` has them.
_MAP_CELLS, _BLUR_CELLS = 4, 0.5
# For large images, up to so many times `size_px`, as `auto` reads them.
_DETAIL_RATIO = 2
_VIEW = "evidence_view"


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
    use_evidence : add what `auto` says of an image; only with the packaged encoder
        both are standardized by normals that neither was fitted on, and added, in image score and map
    head_weight, map_weight : >= 0, weight of the head in score and map, beside the evidence's 1
    n_steps, batch_size, learning_rate, weight_decay, warm_up_ratio : of training
    seed : of every draw

    Notes
    -----
    Cost: fit O(n_steps) beside the fit of `auto`; the whole on 2 cores in minutes, memory flat in n. Labeled
    defects with masks teach the map, those without the image predictor; both teach the evidence.
    """

    name: ClassVar[str] = "mapl"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=True,
        uses_masks=True,
        localizes=True,
        needs_torch=True,
    )

    evidence_: Evidence
    standards_: NDArray[np.float32]
    """Center and spread of the evidence's score, the head's, and the values of both maps."""
    evidence_view_: View | None = None
    """How images are shown to the evidence: as `auto` reads them; None as long as none has been seen."""

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
        use_evidence: bool = True,
        head_weight: float = 0.05,
        map_weight: float = 0.1,
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
        self.use_evidence = use_evidence
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
        """Return the evidence, and how it and the head are standardized."""
        if not self._adds_evidence:
            return super().arrays()
        view = self._planned_view
        shown = np.array([*view.whole_px, view.noise], np.float32)
        own = {_VIEW: shown, "standards": self.standards_}
        return {**super().arrays(), **own, **self.evidence_.arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave; the head must have been set before."""
        super().restore(arrays, backbone)
        if self._adds_evidence:
            height, width, noise = check_array(arrays, _VIEW, (3,)).tolist()
            self.evidence_view_ = self._view_of((int(height), int(width)), noise)
            self.evidence_ = Evidence.restore(
                arrays, self._make_normality(), backbone, FitSettings.top_ratio
            )
            self.standards_ = check_array(arrays, "standards", (4, 2))
            if (self.standards_[:, 1] <= 0).any():
                raise ParameterError("a spread is not positive")
        return self

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak of training, and of the evidence beside torch."""
        found = super().estimate_fit_bytes(n_images)
        if not self._adds_evidence:
            return found
        return found + self._make_normality().estimate_bytes(n_images) + self._batch_bytes

    def estimate_score_bytes(self, n_images: int) -> int:
        """Return the peak: the head at work, what is made of a batch, maps of all."""
        found = super().estimate_score_bytes(n_images)
        return found + self._batch_bytes if self._adds_evidence else found

    @property
    def _batch_bytes(self) -> int:
        return BATCH_COPIES * BATCH * self.feature_bytes

    def look_at(self, images: ImageSource) -> None:
        """Take the size that images will be shown to the evidence at."""
        if self._adds_evidence:
            self.evidence_view_ = self._view_of(self._choose_shape(images, np.arange(len(images))))

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image in both ways, measured on the given few."""
        seconds = super().time_reading(images)
        if not self._adds_evidence:
            return seconds
        self.look_at(images)
        backbone = self._make_reader()[1]
        return seconds + backbone.time_reading(images, self._planned_view)

    def _wanted_stages(self) -> tuple[str, ...]:
        if not self._adds_evidence:
            return LEVELS
        wanted = {*LEVELS, *Normality.stages}
        return tuple(sorted(wanted, key=lambda name: int(name.removeprefix("block"))))

    @property
    def _adds_evidence(self) -> bool:
        return self.use_evidence and self.encoder == "packaged"

    @property
    def _views(self) -> list[View]:
        """Squares for the head; for the evidence, images as `auto` reads them."""
        if not self._adds_evidence:
            return super()._views
        return [self.view, self._planned_view]

    @property
    def _planned_view(self) -> View:
        """How images are shown to the evidence; as large squares as long as none has been seen."""
        return self.evidence_view_ or self._view_of(largest_square(_DETAIL_RATIO * self.size_px))

    def _view_of(self, shape_px: tuple[int, int], noise: float = 0.0) -> View:
        return replace(self.view, shape_px=shape_px, noise=noise)

    def _choose_shape(self, images: ImageSource, indices: Indices) -> tuple[int, int]:
        return choose_shape(images, indices, self.size_px, _DETAIL_RATIO * self.size_px)

    def _make_normality(self) -> Normality:
        return Normality(self._planned_view.whole_px, seed=self.seed)

    def _calibrate(
        self, passes: FeaturePasses, train: Indices, held_out: Indices
    ) -> tuple[list[float], list[float]]:
        """Fit the evidence, and bring it and the head to one scale on images held out from both.

        The head has never seen these images; the evidence has, and is asked without each of them.
        """
        if not self._adds_evidence:
            return super()._calibrate(passes, train, held_out)
        scores, grids = self._fit_evidence(passes, train, held_out)
        maps = [enlarge(grid, _MAP_CELLS, _BLUR_CELLS) for grid in grids]
        heats = [
            resize(self._head.run(self._levels_of(features))[0], maps[0].shape)
            for features in self.backbone_.extract(
                passes.images, self.view, [int(i) for i in held_out]
            )
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

    def _fit_evidence(
        self, passes: FeaturePasses, train: Indices, held_out: Indices
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scores (m,) and cells of maps (m, rows, columns) of the held-out images, left out."""
        normals = np.sort(np.concatenate([train, held_out]))
        shape_px = self._choose_shape(passes.images, normals)
        noise = self._measure_noise(passes.images, normals, shape_px)
        self.evidence_view_ = self._view_of(shape_px, noise)
        passes = replace(passes, view=self.evidence_view_)
        # images held out from the head are studied, and others, drawn anew
        rng = np.random.default_rng(self.seed)
        n_more = max(1, FitSettings.n_studied - len(held_out))
        others = draw_whole_groups(train, passes.groups, n_more, rng)
        anomalous = np.flatnonzero(passes.codes == Label.ANOMALOUS)
        studied = np.sort(np.concatenate([held_out, others, anomalous]))
        settings = FitSettings(seed=self.seed)
        with one_thread_a_product:
            found = AutoFitter(passes, settings, self._make_normality, studied=studied).run()
        self.evidence_ = found.evidence
        self.suspects_ = found.suspects
        *account, scores = found.account
        self.account_ = (*account, f"{scores}, and {self.head_weight:g} times a network")
        rows = np.searchsorted(found.held_out, held_out)
        return found.held_out_scores[rows], found.held_out_maps[rows]

    def _forget(self) -> None:
        super()._forget()
        for name in ("evidence_", "evidence_view_", "standards_", "suspects_", "account_"):
            self.__dict__.pop(name, None)

    def _judge(
        self, images: ImageSource, indices: Sequence[int]
    ) -> Iterator[tuple[float, AnomalyMap]]:
        if not self._adds_evidence:
            yield from super()._judge(images, indices)
            return
        of_head, of_evidence = (
            batched(self.backbone_.extract(images, view, indices)) for view in self._views
        )
        for squares, batch in zip(of_head, of_evidence, strict=True):
            with one_thread_a_product:
                scores, grids = self.evidence_.score(batch)
            for features, score, grid in zip(squares, scores, grids, strict=True):
                known = enlarge(grid, _MAP_CELLS, _BLUR_CELLS)
                heat = resize(self._head.run(self._levels_of(features))[0], known.shape)
                yield self._fuse(score, known, top_pixels(heat), heat)

    def _judge_graph(self, *stages: "Stages") -> "tuple[Var, Var]":
        if not self._adds_evidence:
            return super()._judge_graph(*stages)
        from defectory.detectors.decision_graphs import auto, model, segmentation

        score, grid = auto.judge(stages[1], self.evidence_)
        known = model.enlarge(grid, _MAP_CELLS, _BLUR_CELLS)
        rows, columns = (n * _MAP_CELLS for n in self.evidence_.normality.grid.patches)
        heat = segmentation.resize(self._run_head_graph(stages[0]), (rows, columns))
        top = segmentation.mean_of_top_pixels(heat, count_top)
        return (
            segmentation.add_scaled(score, top, self.standards_[:2], self.head_weight),
            segmentation.add_scaled(known, heat, self.standards_[2:], self.map_weight),
        )

    def _fuse(
        self, score: float, known: AnomalyMap, top: float, heat: AnomalyMap
    ) -> tuple[float, AnomalyMap]:
        """Return image score and map: both parts in units of what held-out normals show, added."""
        z_score, z_top, z_map, z_heat = (
            (part - center) / spread
            for part, (center, spread) in zip(
                (score, top, known, heat), self.standards_, strict=True
            )
        )
        fused: AnomalyMap = (z_map + self.map_weight * z_heat).astype(np.float32)
        return float(z_score + self.head_weight * z_top), fused

    def _levels_of(self, features: Features) -> Features:
        return {name: features[name] for name in LEVELS}

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
