"""`auto`: learns from whatever labels there are, and distrusts what nobody labeled.

Ours; see docs/detectors/auto.md. Its parts: Defard et al. 2020 and Rippel et al. 2020 (`GaussianNormality`),
Yoon et al. 2023 (SPADE: pseudo-labels where unlabeled images may be defective), weights
of Student's t, and a classifier of cells on frozen features in place of a trained segmenter.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, Features, FeatureStore
from defectory.detectors.base import Arrays, Capabilities, usable_as_normal
from defectory.detectors.evidence.cells import N_EVIDENCE, Cells
from defectory.detectors.evidence.classifier import CellClassifier
from defectory.detectors.evidence.descriptors import CellDescriptor
from defectory.detectors.evidence.fusion import Fusion, learned_scores
from defectory.detectors.evidence.inquiry import Inquiry, InquirySettings
from defectory.detectors.evidence.memory import NAME_DIGITS, Memory
from defectory.detectors.evidence.parts import Parts, relearn
from defectory.detectors.evidence.readings import Readings
from defectory.detectors.evidence.spreading import spread
from defectory.detectors.evidence.study import Study
from defectory.detectors.frozen import FrozenFeatureDetector
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.revision import Confirmed, Revision
from defectory.domain import (
    DataError,
    ImageSource,
    Label,
    MaskSource,
    NoProgress,
    ParameterError,
    Progress,
    check_settings,
)
from defectory.machine import one_thread_a_product
from defectory.pseudolabels import Contamination

_MIN_NORMALS = 2
_PARTS = ("normality", "descriptor", "images", "places", "fusion", "memory")


class Auto(FrozenFeatureDetector):
    """Normality that distrusts unlabeled images, and a classifier of cells taught by labels and suspects.

    Parameters
    ----------
    backbone, size_px, even_exposure, denoise, blur_px, cache : see `Gaussian`
    use_labels : learn from labeled anomalies
    use_pseudo_labels : learn from unlabeled images that are odd enough, where the collection has too many
    use_refit : fit normality again with less say for them
    use_guard : leave an addition out where labels held out speak against it
    top_ratio : (0, 1], share of the cells whose mean logit is the classifier's image score
    map_weight : >= 0, of the classifier's map beside normality's 1
    use_spread : spread maps over cells that look alike
    least_sure, mixup, n_steps : see `ClassifierSettings`
    n_simulated : >= 0, defects simulated in normal images that teach as well; 0 leaves them out
    seed : of every draw

    Notes
    -----
    Cost: two passes over the images and 128 simulated defects; where the collection is contaminated two
    passes more. Memory is flat beyond 2,000 images: on more, a random 2,000 are studied.
    """

    name: ClassVar[str] = "auto"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=True,
        uses_masks=True,
        localizes=True,
        needs_torch=False,
    )
    stages: ClassVar[tuple[str, ...]] = GaussianNormality.stages
    # Defects are drawn and networks taught, twice where a folder is contaminated.
    overhead: ClassVar[int] = 1000

    contamination_: Contamination | None = None
    """Estimated share of anomalies among the unlabeled images; None where there were too few to say."""
    decisions_: tuple[dict[str, Any], ...] = ()
    """What the guard decided, JSON-ready."""

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        even_exposure: bool = True,
        denoise: bool = True,
        use_labels: bool = True,
        use_pseudo_labels: bool = True,
        use_refit: bool = True,
        use_guard: bool = True,
        top_ratio: float = 0.05,
        map_weight: float = 1.0,
        use_spread: bool = True,
        least_sure: float = 0.5,
        mixup: float = 0.0,
        n_simulated: int = 128,
        n_steps: int = 300,
        blur_px: float = 6.0,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.backbone = backbone
        self.size_px = size_px
        self.even_exposure = even_exposure
        self.denoise = denoise
        self.blur_px = blur_px
        self.seed = seed
        self.cache = cache
        self.use_labels = use_labels
        self.use_pseudo_labels = use_pseudo_labels
        self.use_refit = use_refit
        self.use_guard = use_guard
        self.top_ratio = top_ratio
        self.map_weight = map_weight
        self.use_spread = use_spread
        self.least_sure = least_sure
        self.mixup = mixup
        self.n_simulated = n_simulated
        self.n_steps = n_steps

    def fit(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from images, labels and masks; see Detector.fit."""
        check_settings(self.config())
        settings = self._settings()
        _ = self.view  # refuses settings before an image is read
        pool = usable_as_normal(len(images), labels)
        if len(pool) < _MIN_NORMALS:
            raise DataError(
                f"{len(pool)} of {len(images)} images are normal or unlabeled; "
                f"at least {_MIN_NORMALS} are needed to tell what is normal"
            )
        codes = np.full(len(images), -1) if labels is None else np.asarray(labels)
        backbone = self._load_backbone()
        self._forget()
        self._learn_noise(images, pool, self.size_px)
        readings = Readings(
            backbone, self.view, images, codes.astype(np.int8), masks, progress or NoProgress()
        )
        with one_thread_a_product:
            found = Inquiry(readings, settings, self._make_normality).run()
        self.normality_, self.descriptor_ = found.normality, found.descriptor
        self.memory_ = found.memory
        self._take_parts(found.parts)
        self.suspects_, self.account_ = found.suspects, found.account
        self.contamination_ = found.contamination
        self.decisions_ = tuple(verdict.to_dict() for verdict in found.verdicts)
        # Cached features are rounded: from here on images are read as a shipped bundle reads them.
        backbone.cache = None
        self.backbone_ = backbone
        return self

    def update(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
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
                return self._update(images, codes.astype(np.int8), masks, progress or NoProgress())
        finally:
            self.backbone_.cache = None

    def _update(
        self, images: ImageSource, codes: NDArray[np.int8], masks: MaskSource | None,
        progress: Progress,
    ) -> Revision:  # fmt: skip
        readings = Readings(self.backbone_, self.view, images, codes, masks, progress)
        names = [images.fingerprint(i)[:NAME_DIGITS] for i in range(len(images))]
        is_known = np.isin(names, self.memory_.names)
        revised = copy(self)
        revised.normality_ = readings.absorb(
            self.normality_, np.flatnonzero((codes == Label.NORMAL) & ~is_known)
        )
        new = readings.measure(self.normality_, self.descriptor_)
        revised.memory_ = self.memory_.with_labels(new, names)
        memory = revised.memory_
        n_normal = int((memory.teaches_normal & memory.is_presumed).sum())
        if n_normal < _MIN_NORMALS:
            raise DataError(
                f"with these labels {n_normal} of the {len(memory)} images that the bundle "
                f"remembers are normal; at least {_MIN_NORMALS} are needed to tell what is normal. Are "
                "good and bad swapped? Else fit anew, on good images"
            )
        revised._take_parts(
            relearn(
                revised.memory_,
                revised.normality_,
                self._settings().quick_learner(),
                self.top_ratio,
                self.map_weight,
                self.use_spread,
            )
        )
        revised.suspects_, revised.decisions_ = (), ()
        revised.account_ = (revised.memory_.explain(),)
        before, after = self.score(images).image_scores, revised.score(images).image_scores
        confirmed = {
            name: Confirmed(name, int(code), float(old), float(new_score))
            for name, code, old, new_score in zip(names, codes, before, after, strict=True)
        }
        rows = [
            row for row in revised.memory_.confirmed if revised.memory_.names[row] not in confirmed
        ]
        remembered = revised.memory_.study.take(np.array(rows, np.intp))
        old, now = self._score_study(remembered), revised._score_study(remembered)
        for row, one, other in zip(rows, old, now, strict=True):
            name = revised.memory_.names[row]
            code = int(revised.memory_.study.codes[row])
            confirmed[name] = Confirmed(name, code, float(one), float(other))
        return Revision(revised, tuple(confirmed.values()))

    def _score_study(self, study: Study) -> NDArray[np.float32]:
        """Return (n,) image scores of remembered images, as if they were new to the classifier."""
        plain = self.normality_.image_scores(study.measured)
        return self.fusion_.scores(plain, self._learned_scores(study.cells(self.normality_)))

    def _learned_scores(self, cells: Cells) -> NDArray[np.float32]:
        """Return (n,) image scores by the classifier, 0 without any."""
        if self.images_ is None or not len(cells):
            return np.zeros(len(cells), np.float32)
        if self.images_.n_columns > cells.n_columns:  # suspects taught it, see Learner.find_images
            cells = cells.with_image_look()
        return learned_scores(self.images_.logits(cells), self.top_ratio)

    def _take_parts(self, parts: Parts) -> None:
        self.images_, self.places_, self.fusion_ = parts.images, parts.places, parts.fusion
        self.held_out_scores_ = parts.held_out_scores
        self.held_out_peaks_ = np.array(
            [self._enlarge(g).max() for g in parts.held_out_maps], np.float32
        )

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries, Gaussians of two rounds, the studied images, a batch."""
        from defectory.backbones.memory_estimates import (
            library_bytes,  # only where memory is limited
        )

        normality = self._make_normality()
        studied = min(n_images, InquirySettings.n_studied) * normality.grid_side**2 * 2 * 4 * 200
        own = normality.estimate_bytes(n_images) + studied
        return library_bytes(self.backbone) + 100 * 2**20 + own + self._batch_bytes

    def arrays(self) -> Arrays:
        """Return the state of all parts."""
        return {
            f"{prefix}.{key}": value
            for prefix in _PARTS
            if getattr(self, f"{prefix}_") is not None
            for key, value in getattr(self, f"{prefix}_").arrays().items()
        } | self._noise_arrays()

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        own = {part: _under(arrays, part) for part in _PARTS}
        self.normality_ = self._make_normality().restore(own["normality"], backbone)
        self.descriptor_ = CellDescriptor.restore(own["descriptor"], self.normality_)
        self.fusion_ = Fusion.restore(own["fusion"])
        width = self.descriptor_.width
        self.images_ = _restore_classifier(
            own["images"], {width + N_EVIDENCE, 2 * width + N_EVIDENCE}
        )
        self.places_ = _restore_classifier(own["places"], {2 * width + N_EVIDENCE - 1})
        self.memory_ = Memory.restore(own["memory"], self.normality_.grid_side**2, width)
        self._restore_noise(arrays)
        self.backbone_ = backbone
        return self

    def _score_batch(
        self, batch: list[Features]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        samples = self.normality_.sample(batch)
        measured = self.normality_.measure(samples)
        scores, heats = self.normality_.image_scores(measured), self.normality_.map_cells(measured)
        logits = np.zeros(heats.shape, np.float32)
        described = self.descriptor_.describe(self.normality_, samples)
        cells = Cells.of(self.normality_, measured, described)
        if self.places_ is not None:
            logits = self.places_.logits(cells.in_context()).reshape(heats.shape)
        maps = self.fusion_.maps(heats, logits)
        return (
            self.fusion_.scores(scores, self._learned_scores(cells)),
            spread(maps, described) if self.use_spread else maps,
        )

    def _settings(self) -> InquirySettings:
        self._check_settings()
        return InquirySettings(
            use_labels=self.use_labels,
            use_pseudo_labels=self.use_pseudo_labels,
            use_refit=self.use_refit,
            n_simulated=self.n_simulated,
            n_steps=self.n_steps,
            use_guard=self.use_guard,
            top_ratio=self.top_ratio,
            map_weight=self.map_weight,
            use_spread=self.use_spread,
            least_sure=self.least_sure,
            mixup=self.mixup,
            seed=self.seed,
        )

    def _check_settings(self) -> None:
        if not 0 < self.top_ratio <= 1 or not 0 <= self.least_sure <= 1:
            raise ParameterError("top_ratio must lie in (0, 1], least_sure in [0, 1]")
        if min(self.map_weight, self.mixup, self.n_simulated) < 0:
            raise ParameterError("map_weight, mixup and n_simulated must not be negative")
        if self.n_steps < 1 or self.blur_px <= 0:
            raise ParameterError("n_steps and blur_px must be positive")

    def _make_normality(self, **settings: Any) -> GaussianNormality:
        return GaussianNormality(self.size_px, **settings)

    def _forget(self) -> None:
        """Half a fit is none, and nothing of the last one is left in it."""
        for name in (
            "backbone_",
            "noise_",
            "memory_",
            "suspects_",
            "account_",
            "contamination_",
            "decisions_",
        ):
            self.__dict__.pop(name, None)


def _restore_classifier(
    arrays: Mapping[str, NDArray[Any]], allowed_columns: Collection[int]
) -> CellClassifier | None:
    return CellClassifier.restore(arrays, allowed_columns) if arrays else None


def _under(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    prefix = f"{part}."
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
