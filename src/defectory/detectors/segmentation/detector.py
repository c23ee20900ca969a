"""A detector that learns to segment defects simulated in normal images, and the real ones it is shown."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features, View
from defectory.backbones.memory_estimates import feature_bytes, reader_bytes
from defectory.backbones.weights import load_backbone
from defectory.detectors.base import (
    Arrays,
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.camera_noise import NoiseTaker
from defectory.detectors.evidence.measured_images import FeaturePasses
from defectory.detectors.grids import touched_cells
from defectory.detectors.grouping import Groups
from defectory.detectors.segmentation.head import INPUTS, OUTPUTS, Head, count_top, top_pixels
from defectory.detectors.segmentation.inputs import (
    LEVELS,
    FrozenInputs,
    InputReader,
    PixelInputs,
)
from defectory.detectors.segmentation.rounds import (
    Indices,
    KnownAnomalies,
    RoundMaker,
    fingerprint_each,
    split_normals,
    split_validation,
)
from defectory.domain import (
    DataError,
    ImageSource,
    Label,
    MaskSource,
    MissingExtraError,
    NoProgress,
    ParameterError,
    Progress,
    Scores,
    TrainingResources,
    check_settings,
)
from defectory.domain.images import ChosenImages
from defectory.domain.scores import AnomalyMap
from defectory.simulation import (
    AnomalySimulator,
    ImageTextures,
    TextureSource,
    photograph_textures,
)

Float = NDArray[np.float32]

if TYPE_CHECKING:
    from spox import Var

    from defectory.detectors.decision_graphs.features import Stages

_HELD_OUT_RATIO = 0.2
_MAX_HELD_OUT = 2000
_FEW_HELD_OUT = 40
ENCODERS = ("packaged", "scratch")


class SegmentationDetector(NoiseTaker, Detector):
    """Frozen or trained encoder, memory, and a head that is trained on simulated and known defects.

    What a method takes from here it states as attributes; see `Mapl` for what each of them means.
    """

    reading_share: ClassVar[float] = 0.2  # training takes most of the time

    encoder: str
    backbone: str
    size_px: int
    even_exposure: bool
    mix: str
    foreground: str
    n_memory: int
    memory: str
    memory_choice: str
    whitening: float
    width: float
    use_fusion: bool
    use_coordinate_attention: bool
    use_spatial_attention: bool
    use_image_loss: bool
    pseudo_gradient: bool
    pseudo_simulated: bool
    refresh_memory: bool
    n_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warm_up_ratio: float
    seed: int

    textures: TextureSource | None = None
    """Where simulated defects take foreign textures from; None for the photographs of scikit-image."""

    @property
    def view(self) -> View:
        """How images are shown to the encoder; ParameterError where the settings allow none."""
        return View(self.size_px, 1, self.even_exposure, self.noise_)

    def config(self) -> dict[str, Any]:
        """Return the settings, without the cache: it belongs to the machine."""
        return {key: value for key, value in super().config().items() if key != "cache"}

    def fit(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn; see Detector.fit. Needs the extra `train`."""
        self._check_settings()
        progress = progress or NoProgress()
        usable = usable_as_normal(len(images), labels)
        if len(usable) < 2:
            raise DataError(
                f"{len(usable)} of {len(images)} images are normal or unlabeled; "
                "at least 2 are needed, to train on some and check on others"
            )
        codes = np.full(len(images), Label.UNLABELED, np.int8)
        if labels is not None:
            codes[:] = labels
        n_held_out = _count_held_out(len(usable))
        own = groups_to_leave_out(len(images), groups, usable)
        train, held_out = split_normals(codes, n_held_out, self.seed, own)
        self._forget()
        try:
            self.noise_ = self._measure_noise(images, usable, self.view.whole_px)
            self._fit(images, codes, masks, train, held_out, own, progress)
        except BaseException:
            self._forget()  # half a fit is none
            raise
        self.backbone_.cache = None
        return self

    def score(self, images: ImageSource, *, progress: Progress | None = None) -> Scores:
        """Return raw scores and anomaly maps; see Detector.score."""
        self._check_fitted()
        progress = progress or NoProgress()
        progress.start("scoring", len(images))
        scores, maps = [], []
        for score, heat in self._judge(images, range(len(images))):
            scores.append(score)
            maps.append(heat)
            progress.advance()
        return Scores(np.array(scores, np.float32), maps)

    def to_onnx(self) -> bytes:
        """Return the fitted detector as one ONNX graph; see Detector.to_onnx."""
        self._check_fitted()
        from defectory.detectors.decision_graphs.model import build_decision_graph

        return build_decision_graph(self._views, self.backbone_, self._judge_graph)

    @property
    def _views(self) -> list[View]:
        """How images are shown to the encoder, and to what is asked beside it."""
        return [self.view]

    def _judge_graph(self, *stages: "Stages") -> "tuple[Var, Var]":
        """Return what `_judge_one` does as a graph, of the stages of each view."""
        from defectory.detectors.decision_graphs import segmentation

        heat = self._run_head_graph(stages[0])
        return segmentation.mean_of_top_pixels(heat, count_top), heat

    def _run_head_graph(self, stages: "Stages") -> "Var":
        from defectory.detectors.decision_graphs import segmentation

        assert self.head_ is not None
        levels = {
            name: stages[stage] for name, stage in zip(INPUTS, self._head.stages, strict=True)
        }
        return segmentation.run_head(levels, self.head_, OUTPUTS[0])

    def arrays(self) -> Arrays:
        """Return the learned state beside the networks."""
        return self._noise_arrays()

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave; the head must have been set before."""
        if self.head_ is None:
            raise ParameterError(f"the trained head of {self.name} is missing")
        self._restore_noise(arrays)
        self.backbone_ = backbone
        self._head = self._open_head()
        return self

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries, torch at work, a round of inputs, the memory, held-out maps."""
        from_side = (self.size_px / 256) ** 2
        width = max(1.0, self.width)
        activations = self.batch_size * 110 * 2**20 * from_side * width
        if self.encoder == "scratch":
            activations *= 3
        held_out = min(n_images * _HELD_OUT_RATIO, _MAX_HELD_OUT) * 64 * 1024
        return int(900 * 2**20 + activations + 400 * 2**20 * from_side + held_out)

    def estimate_score_bytes(self, n_images: int) -> int:
        """Return the peak: the head at work, maps of all."""
        head = 300 * 2**20 * max(1.0, (self.size_px / 256) ** 2)
        return int(head) + 4 * n_images * self.size_px**2

    @property
    def reader_bytes(self) -> int:
        """What each image that is read at once takes; a trained encoder is wider than the packaged one."""
        packaged = max(
            reader_bytes(view, self._wanted_stages(), self.backbone) for view in self._views
        )
        return packaged if self.encoder == "packaged" else int(4 * max(1.0, self.width) * packaged)

    @property
    def feature_bytes(self) -> int:
        """The size of one image's features, shown in all ways."""
        return sum(
            feature_bytes(view, self._wanted_stages(), self.backbone) for view in self._views
        )

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image, measured on the given few."""
        reader = self._make_reader()[0]
        started = time.monotonic()
        for index in range(len(images)):
            reader.read(images, [index])
        return (time.monotonic() - started) / len(images)

    def _fit(
        self, images: ImageSource, codes: NDArray[np.int8], masks: MaskSource | None,
        train: Indices, held_out: Indices, groups: Groups, progress: Progress,
    ) -> None:  # fmt: skip
        try:
            from defectory.detectors.segmentation import head_training
            from defectory.detectors.segmentation.trainee import TrainingSettings
            from defectory.training.loop import fingerprint_run
        except ImportError as error:
            raise MissingExtraError(f"fitting {self.name}", "train") from error
        reader, backbone = self._make_reader()
        taught, validation = split_validation(train, self.seed)
        fitter = head_training.HeadFitter(
            network=head_training.settings_from(self, head_training.NetworkSettings),
            training=head_training.settings_from(self, TrainingSettings),
            maker=RoundMaker(
                images,
                codes,
                reader,
                self._make_simulator(images, train),
                self.size_px,
                self.seed,
                self.noise_,
            ),
            train=taught,
            validation=validation,
            known=self._read_known(images, codes, masks, reader),
            pseudo_label=self._make_pseudo_label(),
            resources=self.resources or TrainingResources(),
        )
        fingerprint = fingerprint_run(
            {"name": self.name, **self.config()}, fingerprint_each(images, codes, masks, groups)
        )
        found = fitter.run(self.n_steps, fingerprint, progress)
        self.head_ = found.model
        self.backbone_ = found.encoder or backbone
        self._head = self._open_head()
        passes = FeaturePasses(self.backbone_, self.view, images, codes, masks, groups, progress)
        scores, peaks = self._calibrate(passes, train, held_out)
        self.held_out_ = held_out_from(images, held_out, scores, peaks, labels=codes, groups=groups)

    def _calibrate(
        self, passes: FeaturePasses, train: Indices, held_out: Indices
    ) -> tuple[list[float], list[float]]:
        """Return scores and highest map values of normals that nothing was learned from."""
        del train
        passes.progress.start("scoring normals left out", len(held_out))
        scores, peaks = [], []
        for score, heat in self._judge(passes.images, [int(i) for i in held_out]):
            scores.append(score)
            peaks.append(float(heat.max()))
            passes.progress.advance()
        return scores, peaks

    def _judge(
        self, images: ImageSource, indices: Sequence[int]
    ) -> Iterator[tuple[float, AnomalyMap]]:
        """Yield image score and anomaly map, one image at a time."""
        for features in self.backbone_.extract(images, self.view, indices):
            yield self._judge_one(features)

    def _judge_one(self, features: Features) -> tuple[float, AnomalyMap]:
        heat, _ = self._head.run(features)
        return top_pixels(heat), heat

    @abstractmethod
    def _make_pseudo_label(self) -> Any:
        """Return the pseudo-labeler of training, or None."""

    def _open_head(self) -> Head:
        assert self.head_ is not None
        stages = [stage.name for stage in self.backbone_.stages]
        return Head(self.head_, stages if self.encoder == "scratch" else LEVELS)

    def _forget(self) -> None:
        for name in (
            "backbone_",
            "head_",
            "_head",
            "held_out_",
            "noise_",
        ):
            self.__dict__.pop(name, None)

    def _wanted_stages(self) -> tuple[str, ...]:
        """Return the stages of the packaged backbone that are read."""
        return LEVELS

    def _make_reader(self) -> tuple[InputReader, Backbone]:
        backbone = load_backbone(
            self.backbone, self._wanted_stages(), cache=self.cache, weights=self.weights
        )
        if self.encoder == "scratch":
            return PixelInputs(self.view), backbone
        return FrozenInputs(backbone, self.view), backbone

    def _make_simulator(self, images: ImageSource, train: Indices) -> AnomalySimulator:
        partners = ImageTextures(ChosenImages(images, train), crop_ratio=(1.0, 1.0), recolor=False)
        return AnomalySimulator(
            textures=self.textures or photograph_textures(),
            mix=self.mix,
            foreground="off" if self.foreground == "off" else "auto",
            partners=partners,
        )

    def _read_known(
        self, images: ImageSource, codes: NDArray[np.int8], masks: MaskSource | None,
        reader: InputReader,
    ) -> KnownAnomalies | None:  # fmt: skip
        """Return the labeled defects; an empty mask says no more than none."""
        indices = [int(i) for i in np.flatnonzero(codes == Label.ANOMALOUS)]
        if not indices:
            return None
        drawn = np.zeros((len(indices), self.size_px, self.size_px), bool)
        for row, index in enumerate(indices):
            mask = None if masks is None else masks.read(index)
            if mask is not None:
                drawn[row] = touched_cells(mask, self.size_px)
        has_mask = np.array([mask.any() for mask in drawn])
        return KnownAnomalies(reader.read(images, indices), drawn, has_mask)

    def _check_settings(self) -> None:
        check_settings(self.config())
        _ = self.view
        if self.encoder not in ENCODERS:
            raise ParameterError(f"encoder is {self.encoder!r}; choose {' or '.join(ENCODERS)}")
        if self.memory_choice not in ("coreset", "random"):
            raise ParameterError(
                f"memory_choice is {self.memory_choice!r}; choose coreset or random"
            )
        if self.encoder == "scratch" and self.memory == "patch":
            raise ParameterError("a trained encoder needs a memory by image or by position")
        if min(self.n_memory, self.n_steps) < 1 or self.batch_size < 2:
            raise ParameterError("n_memory and n_steps must be positive, batch_size at least 2")
        if self.width <= 0 or self.learning_rate <= 0 or self.weight_decay < 0:
            raise ParameterError(
                "width and learning_rate must be positive, weight_decay not negative"
            )
        if not (0 <= self.whitening <= 1 and 0 <= self.warm_up_ratio <= 1):
            raise ParameterError("whitening and warm_up_ratio must lie between 0 and 1")


def _count_held_out(n_normals: int) -> int:
    """Return a fifth, but 40 (or half of few) where that is less: fewer say little."""
    share = round(_HELD_OUT_RATIO * n_normals)
    return min(max(share, min(_FEW_HELD_OUT, n_normals // 2)), _MAX_HELD_OUT)
