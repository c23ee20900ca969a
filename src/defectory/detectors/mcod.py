"""`mcod`: which images of an unlabeled collection do not belong, by memory and contrastive learning.

Source: Huyan et al. 2022 (MCOD). The paper could not be read; the parts are the released code's: query and
momentum twin, queue, instance contrast, contrast of the slots' columns, balance, memory that is written
without gradient and read by softmax, read distance as the score. Differs from it, see
docs/detectors/mcod.md: the read loss is a mean and leaves out what is read worst; temperatures of .1 and .5
rather than 10 and .01; the score is measured in the space whitened by the images that are trusted; BatchNorm
scores in eval mode; the last step is taken, never the best on labels; frozen ImageNet features as a second
encoder.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import DEFAULT_BACKBONE, Backbone, FeatureStore, View
from defectory.backbones.memory_estimates import feature_bytes, reader_bytes
from defectory.backbones.weights import load_backbone
from defectory.detectors.arrays import check_array
from defectory.detectors.base import (
    Arrays,
    Capabilities,
    Detector,
    groups_to_leave_out,
    held_out_from,
    usable_as_normal,
)
from defectory.detectors.contrast.encoding import GRID_SIDE, PackagedEncoder, read_scratch
from defectory.detectors.contrast.projection import Float
from defectory.detectors.contrast.reading import Reading
from defectory.detectors.contrast.settings import check_mcod_settings
from defectory.detectors.grouping import Groups
from defectory.domain import (
    DataError,
    ImageSource,
    MaskSource,
    MissingExtraError,
    NoProgress,
    Progress,
    Scores,
    TrainingResources,
)
from defectory.domain.images import ChosenImages
from defectory.machine import one_thread_a_product

if TYPE_CHECKING:
    from defectory.detectors.contrast.network_training import Recipe
    from defectory.detectors.contrast.setups import TrainingSetup

_STAGES = ("block10", "block14")
_MAX_SAMPLE = 2000
_SCRATCH_WIDTHS = {"scratch": 4, "scratch-small": 1}
_SCRATCH_VIEW = View(32, even_exposure=False)


class Mcod(Detector):
    """Read distance to a memory of a few slots, trained by contrast on the collection itself.

    Parameters
    ----------
    encoder : packaged, scratch or scratch-small
        packaged projects frozen ImageNet features; scratch trains WideResNet-10-4 on 32 px images and nothing
        else, scratch-small WideResNet-10-1, which ranks better in a tenth of the time
    grid_side : 1, 2, 4 or 8, cells in each direction whose means are the features of a network from scratch;
        1, the mean over the whole image, as published
    backbone, size_px, even_exposure, cache : of the frozen features, see `Gaussian`; exposure is not evened
        by default, for a camera that went dark is an outlier
    n_dims : >= 1, directions of the frozen features that are kept
    n_slots : >= 2, slots of the memory: at most so many kinds of images are normal
    n_views : >= 1, views of each image that frozen features are read of
    augmentation : auto, figure or photo; auto looks at the images
    n_epochs : >= 1, passes over the images
    temperature, cluster_temperature : > 0, of the contrast of instances and of slots
    contrast_weight, cluster_weight, balance_weight, read_weight : >= 0; 0 leaves a loss out
    trim_ratio : [0, .5], share of the images that is not trusted while memory is read, written and whitened;
        more than there are outliers does little harm, fewer does
    sum_read_loss, unit_memory : as released, for the ablation
    noise_ratio : >= 0, noise on what is written, relative to the features' spread; falls to 0 over the run
    whiten : False scores by the plain read distance, as released
    n_folds : 0, or >= 2
        held-out scores are those of models fitted without a fold each, of at most 2,000 images; 0 takes the
        collection's own scores, which are lower: enough to rank a collection, too low to promise by
    seed : of all draws

    Notes
    -----
    Cost: packaged reads (1 + n_views) n images, then takes seconds; scratch O(n n_epochs), minutes to hours.
    """

    name: ClassVar[str] = "mcod"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=False,
        uses_masks=False,
        localizes=False,
        needs_torch=True,
    )
    reading_share: ClassVar[float] = 0.2

    resources: TrainingResources | None = None
    """Checkpoint, time budget, threads and device; of the machine, not of the config. None: one thread."""

    fitted_scores_: Float
    """(n,) scores of the images learned from, by the model that learned from them."""
    fitted_shares_: Float
    """(n, k) shares of the slots in each one's reading."""
    fitted_coordinates_: Float
    """(n, d) what reading leaves over of each, whitened: outliers that are alike lie together."""
    history_: tuple[Mapping[str, float], ...]
    """Mean losses and slots in use, a hundred times over the run."""
    augmentation_: str
    """The augmentation that was used."""
    reading_: Reading
    encoder_: PackagedEncoder | None
    """The trained projection; None where the network itself is the backbone."""

    def __init__(
        self,
        *,
        encoder: str = "packaged",
        grid_side: int = 4,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 96,
        even_exposure: bool = False,
        n_dims: int = 32,
        n_slots: int = 10,
        n_views: int = 1,
        augmentation: str = "auto",
        n_epochs: int = 10,
        temperature: float = 0.1,
        cluster_temperature: float = 0.5,
        contrast_weight: float = 1.0,
        cluster_weight: float = 1.0,
        balance_weight: float = 0.05,
        read_weight: float = 1.0,
        trim_ratio: float = 0.3,
        sum_read_loss: bool = False,
        unit_memory: bool = False,
        noise_ratio: float = 0.1,
        whiten: bool = True,
        n_folds: int = 4,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.encoder = encoder
        self.grid_side = grid_side
        self.backbone = backbone
        self.size_px = size_px
        self.even_exposure = even_exposure
        self.n_dims = n_dims
        self.n_slots = n_slots
        self.n_views = n_views
        self.augmentation = augmentation
        self.n_epochs = n_epochs
        self.temperature = temperature
        self.cluster_temperature = cluster_temperature
        self.contrast_weight = contrast_weight
        self.cluster_weight = cluster_weight
        self.balance_weight = balance_weight
        self.read_weight = read_weight
        self.trim_ratio = trim_ratio
        self.sum_read_loss = sum_read_loss
        self.unit_memory = unit_memory
        self.noise_ratio = noise_ratio
        self.whiten = whiten
        self.n_folds = n_folds
        self.seed = seed
        self.cache = cache

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
        """Learn from the images that are labeled normal or not labeled; see Detector.fit."""
        del masks  # an image is in or out as a whole
        check_mcod_settings(self.config())
        normals = usable_as_normal(len(images), labels)
        if len(normals) < 2:
            raise DataError(
                f"{len(normals)} of {len(images)} images are normal or unlabeled; "
                "at least 2 are needed to tell what belongs"
            )
        with one_thread_a_product:
            own = groups_to_leave_out(len(images), groups, normals)[normals]
            chosen = ChosenImages(images, normals)
            confirmed = None if labels is None else np.asarray(labels)[normals]
            self._fit(chosen, confirmed, own, progress or NoProgress())
        return self

    def read_ahead(
        self, images: ImageSource, rows: Sequence[int], *, progress: Progress | None = None
    ) -> None:
        """Put packaged features into the cache, where `fit` looks first.

        Parameters
        ----------
        images : all that `fit` will be given, without labels
        rows : which of them to read
        progress : see Detector.fit
        """
        try:
            from defectory.detectors.contrast import setups
            from defectory.detectors.contrast.augmentation import choose_augmentation
        except ImportError as error:
            raise MissingExtraError("fitting mcod", "train") from error
        progress = progress or NoProgress()
        backbone = self._load_backbone()
        chosen = choose_augmentation(self.augmentation, images)
        sources = setups.packaged_sources(
            images, chosen, side_px=self.size_px, n_views=self.n_views, seed=self.seed
        )
        progress.start("reading features", len(rows) * len(sources))
        for source in sources:
            for _ in backbone.extract(source, self._view, rows):
                progress.advance()

    def score(self, images: ImageSource, *, progress: Progress | None = None) -> Scores:
        """Return raw scores; see Detector.score."""
        self._check_fitted()
        progress = progress or NoProgress()
        progress.start("scoring", len(images))
        scores = []
        with one_thread_a_product:
            for features in self.backbone_.extract(images, self._view):
                read = read_scratch if self.encoder_ is None else self.encoder_
                scores.append(float(self.reading_.distances(*read(features))[0]))
                progress.advance()
        return Scores(np.array(scores, np.float32))

    def to_onnx(self) -> bytes:
        """Return the fitted detector as one ONNX graph, without a map; see Detector.to_onnx."""
        self._check_fitted()
        from defectory.detectors.decision_graphs import contrast
        from defectory.detectors.decision_graphs.model import build_decision_graph

        return build_decision_graph(
            [self._view],
            self.backbone_,
            lambda stages: (contrast.judge(stages, self.encoder_, self.reading_), None),
        )

    def arrays(self) -> Arrays:
        """Return memory, whitening and, for packaged features, the trained projection."""
        own = {} if self.encoder_ is None else self.encoder_.arrays()
        return own | {f"reading.{key}": value for key, value in self.reading_.arrays().items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        d = check_array(arrays, "reading.center", (None,)).shape[0]
        shapes = {"memory": (self.n_slots, d), "center": (d,), "whitening": (d, d)}
        self.reading_ = Reading.from_arrays(
            {key: check_array(arrays, f"reading.{key}", shape) for key, shape in shapes.items()}
        )
        self.encoder_ = None
        if self.encoder == "packaged":
            width = sum(stage.n_channels for stage in backbone.stages) * GRID_SIDE**2
            for name, shape in PackagedEncoder.shapes(width, d, self.n_slots).items():
                check_array(arrays, name, shape)
            self.encoder_ = PackagedEncoder.from_arrays(arrays)
        self.backbone_ = backbone
        return self

    def estimate_fit_bytes(self, n_images: int) -> int:
        """Return the peak: libraries with torch, whole features of the sample, vectors or small images."""
        process = 900 * 2**20
        if self.encoder != "packaged":
            return process + n_images * 3 * 32 * 32 + 2 * 2**30
        n_views = 1 + self.n_views
        width = 304 * GRID_SIDE**2
        sample = min(n_images, _MAX_SAMPLE) * n_views * width * (2 + 4 + 4)
        return process + sample + 12 * n_images * n_views * (self.n_dims + 1)

    def estimate_score_bytes(self, n_images: int) -> int:
        """Return the peak: it has no maps."""
        return 150 * 2**20 + 64 * n_images

    @property
    def reader_bytes(self) -> int:
        """What each image that is read at once takes."""
        return reader_bytes(self._view, _STAGES, self.backbone)

    @property
    def feature_bytes(self) -> int:
        """The size of one image's features."""
        return feature_bytes(self._view, _STAGES, self.backbone)

    def time_reading(self, images: ImageSource) -> float:
        """Return the seconds that fit spends on reading one image, measured on the given few."""
        if self.encoder == "packaged":
            return (1 + self.n_views) * self._load_backbone().time_reading(images, self._view)
        started = time.monotonic()
        images.read(range(len(images)))
        return (time.monotonic() - started) / len(images)

    @property
    def _view(self) -> View:
        if self.encoder != "packaged":
            return _SCRATCH_VIEW
        return View(self.size_px, even_exposure=self.even_exposure)

    def _fit(
        self, images: ImageSource, labels: NDArray[np.integer] | None, groups: Groups,
        progress: Progress,
    ) -> None:  # fmt: skip
        try:
            from defectory.detectors.contrast import network_training
        except ImportError as error:
            raise MissingExtraError("fitting mcod", "train") from error
        from defectory.training.loop import fingerprint_run

        resources = self.resources or TrainingResources(n_threads=1, device="cpu")
        setup = self._make_setup(images, progress)
        recipe = self._recipe()
        data = (images.fingerprint(i) for i in range(len(images)))
        fingerprint = fingerprint_run(self.config(), data) if resources.checkpoint else ""
        learned = network_training.learn(
            setup, setup.views(), recipe, resources, fingerprint, progress
        )
        own = learned.reading.distances(learned.features, learned.shares)
        scores = (
            network_training.score_folds(setup, groups, recipe, resources, progress)
            if self.n_folds
            else own[setup.sample]
        )
        self.held_out_ = held_out_from(
            images, setup.sample, scores, (), labels=labels, groups=groups
        )
        self.fitted_scores_, self.fitted_shares_ = own, learned.shares
        self.fitted_coordinates_ = learned.reading.coordinates(learned.features, learned.shares)
        self.history_, self.reading_ = learned.run.history, learned.reading
        self.encoder_ = setup.ship_encoder(learned.network)
        self.backbone_ = setup.ship_backbone(learned.network)

    def _make_setup(self, images: ImageSource, progress: Progress) -> "TrainingSetup":
        from defectory.detectors.contrast import setups
        from defectory.detectors.contrast.augmentation import choose_augmentation

        chosen = choose_augmentation(self.augmentation, images)
        self.augmentation_ = chosen
        if self.encoder != "packaged":
            width = _SCRATCH_WIDTHS[self.encoder]
            return setups.ScratchSetup(
                images, width=width, grid_side=self.grid_side, augmentation=chosen,
                seed=self.seed, progress=progress,
            )  # fmt: skip
        backbone = self._load_backbone()
        return setups.PackagedSetup(
            images, backbone, self._view, augmentation=chosen, n_views=self.n_views,
            n_dims=self.n_dims, seed=self.seed, progress=progress,
        )  # fmt: skip

    def _load_backbone(self) -> Backbone:
        return load_backbone(self.backbone, _STAGES, cache=self.cache, weights=self.weights)

    def _recipe(self) -> "Recipe":
        from defectory.detectors.contrast.network_training import Recipe
        from defectory.detectors.contrast.twins import Objective

        names = {entry.name for entry in fields(Objective)}
        told = {name: value for name, value in self.config().items() if name in names}
        return Recipe(Objective(**told), self.n_epochs, self.whiten, self.n_folds, self.seed)
