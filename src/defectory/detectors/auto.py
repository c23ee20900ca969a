"""`auto`: learns from whatever labels there are, and distrusts what nobody labeled.

Ours; see docs/detectors/auto.md. Its parts: three views of what is normal (`Normality`: Defard et al. 2020,
Roth et al. 2022, Rippel et al. 2020), weights of Student's t, and a classifier of places on frozen features
in place of a trained segmenter.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore, View
from defectory.detectors.additive_fit import AdditiveFit
from defectory.detectors.arrays import check_array
from defectory.detectors.base import (
    Arrays,
    Capabilities,
    FitCost,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.evidence.cost import N_TIMED, PlannedFit, measure_cost
from defectory.detectors.evidence.evidence import Evidence, part_of
from defectory.detectors.evidence.fitter import (
    LEAST_NORMALS,
    LEAST_UNLABELED,
    AutoFitter,
    FitSettings,
)
from defectory.detectors.evidence.learned_state import LearnedState
from defectory.detectors.evidence.measured_images import (
    FeaturePasses,
    MeasuredImages,
    by_folds,
)
from defectory.detectors.evidence.memory import RememberedImages
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.speeds import DEFAULT_SPEED, find_speed
from defectory.detectors.evidence.update import compare_confirmed, teach
from defectory.detectors.frozen import FrozenFeatureDetector
from defectory.detectors.grouping import MOST_TOGETHER, draw_whole_groups, largest_group
from defectory.detectors.image_shape import choose_shape, largest_square
from defectory.detectors.revision import Revision
from defectory.detectors.statistics import FitStatistics, merge_statistics
from defectory.domain import (
    CONTENT_DIGITS,
    DataError,
    ImageSource,
    Label,
    MaskSource,
    NoProgress,
    ParameterError,
    Progress,
    check_settings,
    own_groups,
)
from defectory.domain.images import ChosenImages
from defectory.machine import one_thread_a_product
from defectory.pseudolabels import Contamination

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages

_SHAPE = "shape_px"


class Auto(FrozenFeatureDetector, AdditiveFit):
    """Normality in three views, less weight for odd unlabeled images, a classifier of labels.

    Parameters
    ----------
    backbone, even_exposure, denoise, blur_px, cache : see `Gaussian`
    size_px : multiple of 32, shorter side that images are resized to at least
    speed : fast, balanced or thorough, see `evidence.speeds`
    detail_ratio : >= 1, for large images, up to so many times `size_px`, see `choose_shape`; 1 for speed
    use_labels : learn from labeled anomalies
    use_refit : where the collection is contaminated, fit normality again with less weight for odd images
    top_ratio : (0, 1], share of the places whose mean logit is the classifier's image score
    map_weight : >= 0, of the classifier's map beside normality's 1
    n_steps : >= 1, of the classifiers' training
    seed : of every draw but that of folds, which goes by the number of images

    Notes
    -----
    Cost: two passes over the images; where the collection is contaminated two more. Memory is flat beyond
    2,000 images: on more, a random 2,000 are studied.
    """

    name: ClassVar[str] = "auto"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=True,
        uses_masks=True,
        localizes=True,
        needs_torch=False,
    )
    stages: ClassVar[tuple[str, ...]] = Normality.stages
    # Classifiers are taught, the memory of patches is thinned; twice where a folder is contaminated.
    overhead: ClassVar[int] = 1000

    normality_: Normality
    learned_: LearnedState
    memory_: RememberedImages
    contamination_: Contamination | None = None
    """Estimated share of anomalies among the unlabeled images; None where there were too few to say."""
    shape_px_: tuple[int, int] | None = None
    """Height and width that images are resized to; None before fit."""

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        speed: str = DEFAULT_SPEED,
        detail_ratio: float = 2.0,
        even_exposure: bool = True,
        denoise: bool = True,
        use_labels: bool = True,
        use_refit: bool = True,
        top_ratio: float = 0.05,
        map_weight: float = 1.0,
        n_steps: int = 300,
        blur_px: float = 2.0,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.backbone = backbone
        self.size_px = size_px
        self.speed = speed
        self.detail_ratio = detail_ratio
        self.even_exposure = even_exposure
        self.denoise = denoise
        self.blur_px = blur_px
        self.seed = seed
        self.cache = cache
        self.use_labels = use_labels
        self.use_refit = use_refit
        self.top_ratio = top_ratio
        self.map_weight = map_weight
        self.n_steps = n_steps

    @property
    def view(self) -> View:
        """How images are shown to the backbone; ParameterError where the settings allow none."""
        return View(self.size_px, 1, self.even_exposure, self.noise_, self.shape_px_)

    def fit(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images, labels and masks; see Detector.fit."""
        check_settings(self.config())
        settings = self._settings()
        self._forget()
        _ = self.view  # refuses settings before an image is read
        pool = usable_as_normal(len(images), labels)
        if len(pool) < LEAST_NORMALS:
            raise DataError(
                f"{len(pool)} of {len(images)} images are normal or unlabeled; "
                f"at least {LEAST_NORMALS} are needed to tell what is normal"
            )
        codes = np.full(len(images), -1) if labels is None else np.asarray(labels)
        backbone = self._load_backbone()
        self._learn_how_to_read(images, pool)
        passes = FeaturePasses(
            backbone, self.view, images, codes.astype(np.int8), masks,
            groups_to_leave_out(len(images), groups, pool), progress or NoProgress(),
        )  # fmt: skip
        return self._fit(passes, settings, None)

    @property
    def n_patches(self) -> int:
        """Patches that it remembers at most."""
        return find_speed(self.speed).n_patches

    def prepare(self, images: ImageSource, *, progress: Progress | None = None) -> Self:
        """Learn what all parts share; see AdditiveFit.prepare."""
        check_settings(self.config())
        self._settings()
        everything = np.arange(len(images))
        self._learn_how_to_read(images, everything)
        found = self._pass_once(images, everything, self._make_normality(), progress)
        self.basis_ = {**self._reading_basis(), **found.basis}
        return self

    def collect(
        self,
        images: ImageSource,
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> FitStatistics:
        """Return what a pass over a part's normals leaves of them; see AdditiveFit.collect."""
        self._take_reading_basis(self.basis_)
        normality = self._make_normality().take_basis(self.basis_)
        return replace(self._pass_once(images, groups, normality, progress), basis=self.basis_)

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
        check_settings(self.config())
        settings = self._settings()
        self._forget()
        self._take_reading_basis(statistics.basis)
        passes = FeaturePasses(
            self._load_backbone(), self.view, images, labels, masks, groups,
            progress or NoProgress(),
        )  # fmt: skip
        return self._fit(passes, settings, self._make_normality().take(statistics))

    def extend(
        self,
        images: ImageSource,
        labels: NDArray[np.int8],
        *,
        groups: NDArray[np.int64],
        progress: Progress | None = None,
    ) -> Self:
        """Return a detector that has learned from more normals; see AdditiveFit.extend.

        What labels taught stays as it is; new images are remembered beside those of the fit.
        """
        self._check_fitted()
        rows = np.arange(len(images))
        # what is remembered of the images, and of their patches, goes by one numbering
        groups = self.memory_.free_group(self.normality_) + own_groups(len(images), groups)
        rng = np.random.default_rng(self.seed)
        held_out = np.sort(draw_whole_groups(rows, groups, FitSettings.n_studied, rng))
        extended = copy(self)
        self.backbone_.cache = self.cache
        try:
            with one_thread_a_product:
                passes = FeaturePasses(
                    self.backbone_, self.view, images, labels, None, groups,
                    progress or NoProgress(),
                )  # fmt: skip
                new = extended._learn_more(passes, held_out)
                scores, maps = self.learned_.score(
                    extended.normality_, new.measured, lambda: new.described
                )
        finally:
            self.backbone_.cache = None
        names = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images))]
        rest = np.setdiff1d(rows, held_out)
        extended.memory_ = self.memory_.with_later_fit(
            new, [names[i] for i in held_out], rng
        ).with_learned([names[i] for i in rest], groups[rest])
        peaks = self._peaks(maps)
        extended.held_out_ = held_out_from(
            images, held_out, scores, peaks, labels=labels, groups=groups
        )
        return extended

    def _learn_more(self, passes: FeaturePasses, held_out: NDArray[np.intp]) -> MeasuredImages:
        """Learn from new images; return those to be left out, measured without their groups."""
        before, known = self.normality_, self.normality_.statistics
        rows = np.arange(len(passes.images))
        new = passes.collect(
            self._make_normality().take_basis(known.basis), rows, "learning more images"
        )
        merged = merge_statistics([known, new], self.n_patches, seed=self.seed)
        self.normality_ = self._make_normality().take(merged)
        if largest_group(passes.groups[held_out]) > MOST_TOGETHER:
            found = passes.measure_new(before, held_out, "scoring new images")
        else:
            found = passes.measure_learned(self.normality_, held_out)
        self.normality_.keep_scales(before)
        return found

    def _fit(
        self, passes: FeaturePasses, settings: FitSettings, normality: Normality | None
    ) -> Self:
        """Fit on images, and on the normality model of more images where there is one."""
        with one_thread_a_product:
            found = AutoFitter(passes, settings, self._make_normality, normality).run()
        self.normality_, self.learned_ = found.evidence.normality, found.evidence.learned
        self.memory_ = found.memory
        self.held_out_ = held_out_from(
            passes.images, found.held_out, found.held_out_scores, self._peaks(found.held_out_maps),
            labels=passes.codes, groups=passes.groups,
        )  # fmt: skip
        self.left_out_defects_ = found.left_out_defects
        self.suspects_, self.account_ = found.suspects, found.account
        self.contamination_ = found.contamination
        # Cached features are rounded: from here on images are read as a shipped bundle reads them.
        passes.backbone.cache = None
        self.backbone_ = passes.backbone
        return self

    def _pass_once(
        self, images: ImageSource, groups: NDArray[np.int64], normality: Normality,
        progress: Progress | None,
    ) -> FitStatistics:  # fmt: skip
        """Return what one pass over normals leaves of them."""
        codes = np.full(len(images), int(Label.UNLABELED), np.int8)
        passes = FeaturePasses(
            self._load_backbone(), self.view, images, codes, None, groups,
            progress or NoProgress(),
        )  # fmt: skip
        with one_thread_a_product:
            return passes.collect(normality, np.arange(len(images)), "learning what is normal")

    def _learn_how_to_read(self, images: ImageSource, pool: NDArray[np.intp]) -> None:
        self.shape_px_ = self._choose_shape(images, pool)
        self.noise_ = self._measure_noise(images, pool, self.shape_px_)

    def _reading_basis(self) -> Arrays:
        return {_SHAPE: np.array(self.shape_px_, np.float32), **self._noise_basis()}

    def _take_reading_basis(self, basis: Mapping[str, NDArray[Any]]) -> None:
        self._take_noise_basis(basis)
        height, width = (int(side) for side in check_array(basis, _SHAPE, (2,)))
        self.shape_px_ = height, width
        _ = self.view  # refuses a size that is out of bounds

    def update(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Revision:
        """Return a new detector that has taken labels; this one is unchanged.

        Good images are learned as normal, defective ones teach the classifiers; everything else comes from
        the images that the bundle remembers, so that the data set is not needed.

        Parameters
        ----------
        images : n images, seen before or not
        labels : (n,) codes, NORMAL or ANOMALOUS
        masks : n masks or None; None entries are allowed
        groups : (n,) numbers, see Detector.fit; groups of the fit are not known any more
        progress : told of each image

        Raises
        ------
        NotFittedError : before fit.
        ParameterError : there is no label, or one is neither.
        DataError : the labels leave nothing that is normal.
        """
        self._check_fitted()
        codes = np.asarray([] if labels is None else labels)
        if codes.shape != (len(images),) or not len(codes) or (codes == Label.UNLABELED).any():
            raise ParameterError(
                "update takes a label, normal or anomalous, for each of its images"
            )
        usable_as_normal(len(images), codes)  # refuses codes that are none of Label
        self.backbone_.cache = self.cache
        try:
            with one_thread_a_product:
                known = codes.astype(np.int8)
                return self._update(images, known, masks, groups, progress or NoProgress())
        finally:
            self.backbone_.cache = None

    def _update(
        self, images: ImageSource, codes: NDArray[np.int8], masks: MaskSource | None,
        groups: Sequence[int] | NDArray[np.integer] | None, progress: Progress,
    ) -> Revision:  # fmt: skip
        own = own_groups(len(images), groups)
        passes = FeaturePasses(self.backbone_, self.view, images, codes, masks, own, progress)
        names = [images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images))]
        taught = teach(self._evidence, self.memory_, passes, names, self._settings())
        revised = copy(self)
        revised.normality_, revised.learned_ = taught.evidence.normality, taught.evidence.learned
        revised.memory_ = taught.memory
        revised.held_out_ = taught.held_out(self._peaks(taught.maps[taught.calibrating]))
        revised.left_out_defects_ = taught.left_out_defects
        revised.suspects_, revised.account_ = (), (taught.memory.explain(),)
        before, after = self.score(images).image_scores, revised.score(images).image_scores
        return Revision(revised, compare_confirmed(self._evidence, taught, names, before, after))

    @property
    def known_labels(self) -> Mapping[str, Label]:
        """See Detector."""
        memory = self.memory_
        return {memory.names[i]: Label(int(memory.known.codes[i])) for i in memory.confirmed}

    def _peaks(self, maps: NDArray[np.float32]) -> list[float]:
        return [float(self._enlarge(grid).max()) for grid in maps]

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries, both normality models, the studied images, a batch."""
        from defectory.backbones.memory_estimates import (
            library_bytes,  # only where memory is limited
        )

        normality = Normality(self._planned_view.whole_px, speed=find_speed(self.speed))
        studied = min(n_images, FitSettings.n_studied) * normality.grid.n_places * 2 * 200
        own = normality.estimate_bytes(n_images) + normality.model_bytes + studied
        return library_bytes(self.backbone, self.weights) + 100 * 2**20 + own + self._batch_bytes

    @property
    def map_size_px(self) -> int:
        """Side of a square with as many cells as an anomaly map has."""
        height, width = self._planned_view.whole_px
        return int((height * width) ** 0.5) // 4

    def look_at(self, images: ImageSource) -> None:
        """Take the size that images will be read at."""
        self.shape_px_ = self._choose_shape(images, np.arange(len(images)))

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image, measured on the given few."""
        self.look_at(images)
        return super().time_reading(images)

    def estimate_cost(
        self,
        images: ImageSource,
        labels: NDArray[np.int8],
        groups: NDArray[np.int64] | None = None,
    ) -> FitCost | None:
        """Return what a fit on these images will take; None where there are too few to fit on."""
        pool = usable_as_normal(len(images), labels)
        if len(pool) < LEAST_NORMALS:
            return None
        numbers = groups_to_leave_out(len(images), groups, pool)
        shape_px = self._choose_shape(images, pool)
        plan = PlannedFit(
            n_images=len(pool),
            is_by_folds=by_folds(numbers[pool]),
            is_taught=self.use_labels and bool((labels == Label.ANOMALOUS).any()),
            may_refit=self.use_refit and int((labels == Label.UNLABELED).sum()) >= LEAST_UNLABELED,
        )
        backbone = self._load_backbone()
        backbone.cache = None
        view = View(self.size_px, 1, self.even_exposure, 0.0, shape_px)
        few = pool[np.linspace(0, len(pool) - 1, min(N_TIMED, len(pool))).astype(np.intp)]
        normality = Normality(shape_px, speed=find_speed(self.speed), seed=self.seed)
        return measure_cost(backbone, view, ChosenImages(images, few), normality, plan)

    @property
    def _planned_view(self) -> View:
        """The view; that of large squares as long as no image has been seen."""
        return View(self.size_px, shape_px=self.shape_px_ or largest_square(self._detail_px))

    def _choose_shape(self, images: ImageSource, pool: NDArray[np.intp]) -> tuple[int, int]:
        return choose_shape(images, pool, self.size_px, self._detail_px)

    @property
    def _detail_px(self) -> int:
        """Side of the squares that large images are read in the detail of."""
        detail = self.detail_ratio * find_speed(self.speed).detail
        return round(self.size_px * max(1.0, detail))

    def arrays(self) -> Arrays:
        """Return the state of all parts."""
        shape = {_SHAPE: np.array(self.shape_px_, np.float32)}
        memory = {f"memory.{key}": value for key, value in self.memory_.arrays().items()}
        return {**shape, **self._evidence.arrays(), **memory, **self._noise_arrays()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        self._restore_noise(arrays)
        height, width = (int(side) for side in check_array(arrays, _SHAPE, (2,)))
        self.shape_px_ = height, width
        _ = self.view  # refuses a size that is out of bounds
        found = Evidence.restore(arrays, self._make_normality(), backbone, self.top_ratio)
        self.normality_, self.learned_ = found.normality, found.learned
        self.memory_ = RememberedImages.restore(part_of(arrays, "memory"), self.normality_)
        self.backbone_ = backbone
        return self

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._evidence.score(batch)

    @property
    def _evidence(self) -> Evidence:
        return Evidence(self.normality_, self.learned_)

    def _score_graph(self, stages: "Stages") -> "tuple[Var, Var]":
        from defectory.detectors.decision_graphs import auto

        return auto.judge(stages, self._evidence)

    def _settings(self) -> FitSettings:
        self._check_settings()
        return FitSettings(
            use_labels=self.use_labels,
            use_refit=self.use_refit,
            n_steps=self.n_steps,
            top_ratio=self.top_ratio,
            map_weight=self.map_weight,
            seed=self.seed,
        )

    def _check_settings(self) -> None:
        find_speed(self.speed)
        if not 0 < self.top_ratio <= 1:
            raise ParameterError("top_ratio must lie in (0, 1]")
        if self.map_weight < 0:
            raise ParameterError("map_weight must not be negative")
        if self.n_steps < 1 or self.blur_px <= 0 or self.detail_ratio < 1:
            raise ParameterError("n_steps and blur_px must be positive, detail_ratio at least 1")

    def _make_normality(self) -> Normality:
        assert self.shape_px_ is not None
        return Normality(self.shape_px_, speed=find_speed(self.speed), seed=self.seed)

    def _forget(self) -> None:
        """Half a fit is none, and nothing of the last one is left in it."""
        for name in (
            "backbone_",
            "noise_",
            "shape_px_",
            "memory_",
            "suspects_",
            "left_out_defects_",
            "account_",
            "contamination_",
        ):
            self.__dict__.pop(name, None)
