"""From settings and images to a trained head in ONNX (torch)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from defectory.backbones import Backbone, Stage, WeightCard
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.detectors.segmentation.head import INPUTS, OUTPUTS
from defectory.detectors.segmentation.inputs import Inputs, take
from defectory.detectors.segmentation.rounds import Indices, KnownAnomalies, RoundMaker
from defectory.detectors.segmentation.statistics import LevelStatistics, measure
from defectory.detectors.segmentation.trainee import (
    PseudoLabel,
    SegmentationTrainee,
    Teaching,
    TrainingSettings,
)
from defectory.domain import ParameterError, Progress, TrainingResources
from defectory.networks.encoder import ScratchEncoder
from defectory.networks.feature_memory import FeatureMemory
from defectory.networks.segmentation import HeadConfig
from defectory.networks.segmenter import Segmenter, Whitening
from defectory.training.export import export_onnx, max_difference
from defectory.training.loop import train

# Images that statistics are taken of and the memory is chosen from; more would change neither.
_MAX_SURVEYED = 1000
# Patches a level in a memory of patches.
_N_PATCHES = 2048
# Largest difference allowed between torch and the exported model, relative to the largest logit.
_TOLERANCE = 1e-4
# Typical difference to memory of images that are all alike; near 1 where they differ.
_LEAST_DIFFERENCE = 1e-2
_SCRATCH_LEVELS = ("level2", "level3", "level4")


@dataclass(frozen=True)
class NetworkSettings:
    """What is built; see the detectors' parameters of the same names."""

    encoder: str
    memory: str
    memory_choice: str
    n_memory: int
    whitening: float
    width: float
    use_fusion: bool
    use_coordinate_attention: bool
    use_spatial_attention: bool


@dataclass(frozen=True)
class FittedHead:
    """What training gives.

    Attributes
    ----------
    model : ONNX bytes of the head
    encoder : trained from scratch, as a backbone; None where the frozen one is used
    validation_loss : of the weights kept
    wall_s : seconds of training
    """

    model: bytes
    encoder: Backbone | None
    validation_loss: float
    wall_s: float


@dataclass(frozen=True)
class HeadFitter:
    """Everything that fitting a head needs; `run` does it.

    Attributes
    ----------
    maker : draws rounds of the training images
    train, validation : indices of images to learn from, and of those that choose the weights to keep
    known, pseudo_label : see Teaching
    """

    network: NetworkSettings
    training: TrainingSettings
    maker: RoundMaker
    train: Indices
    validation: Indices
    known: KnownAnomalies | None
    pseudo_label: PseudoLabel | None
    resources: TrainingResources

    def run(self, n_steps: int, fingerprint: str, progress: Progress) -> FittedHead:
        """Train; see `defectory.training.loop.train` for checkpoints and errors."""
        with torch.random.fork_rng(
            devices=[]
        ):  # initial weights are drawn from torch's global state
            torch.manual_seed(self.training.seed)
            encoder = ScratchEncoder(self.network.width) if self._is_scratch else None
            network, memory_inputs = self._build(encoder, progress)
        teaching = Teaching(
            maker=self.maker,
            pool=self.train,
            validation=self.maker.make_validation(self.validation),
            known=self.known,
            pseudo_label=self.pseudo_label,
            memory_inputs=memory_inputs,
        )
        trainee = SegmentationTrainee(
            network, encoder, teaching, self.training, self.resources, n_steps
        )
        run = train(trainee, n_steps, self.resources, fingerprint=fingerprint, progress=progress)
        loss = trainee.finish()
        return self._export(network, encoder, loss, run.wall_s)

    @property
    def _is_scratch(self) -> bool:
        return self.network.encoder == "scratch"

    def _build(
        self, encoder: ScratchEncoder | None, progress: Progress
    ) -> tuple[Segmenter, Inputs]:
        rng = np.random.default_rng(self.training.seed)
        surveyed = np.sort(rng.permutation(self.train)[:_MAX_SURVEYED])
        progress.start("surveying normal images", len(surveyed))
        statistics = measure(self._survey(surveyed, encoder, progress))
        chosen = surveyed[
            statistics.choose(self.network.n_memory, self.network.memory_choice, self.training.seed)
        ]
        memory_inputs = self.maker.reader.read(self.maker.images, [int(i) for i in chosen])
        whitening = _make_whitening(statistics, self.network.whitening, encoder)
        with torch.no_grad():
            items = whitening(_levels(memory_inputs, encoder))
        memory = self._make_memory(items, chosen)
        channels = tuple(item.shape[1] for item in items)
        config = HeadConfig(
            n_channels=(channels[0], channels[1], channels[2]),
            width=self.network.width,
            use_fusion=self.network.use_fusion,
            use_coordinate_attention=self.network.use_coordinate_attention,
            use_spatial_attention=self.network.use_spatial_attention,
        )
        scales = _typical_differences(memory, items, chosen)
        return Segmenter(whitening, memory, config, scales), memory_inputs

    def _survey(
        self, indices: Indices, encoder: ScratchEncoder | None, progress: Progress
    ) -> Iterator[Inputs]:
        for index in indices:
            inputs = self.maker.reader.read(self.maker.images, [int(index)])
            progress.advance()
            with torch.no_grad():
                yield tuple(level[0].numpy() for level in _levels(inputs, encoder))

    def _make_memory(self, items: list[Tensor], chosen: Indices) -> FeatureMemory:
        owner = torch.from_numpy(chosen)
        if self.network.memory != "patch":
            return FeatureMemory(items, self.network.memory, [owner] * len(items))
        rng = np.random.default_rng(self.training.seed)
        patches, owners = [], []
        for level in items:
            cells = level.permute(0, 2, 3, 1).flatten(0, 2)
            kept = torch.from_numpy(np.sort(rng.permutation(len(cells))[:_N_PATCHES]))
            patches.append(cells[kept])
            owners.append(owner.repeat_interleave(len(cells) // len(owner))[kept])
        return FeatureMemory(patches, "patch", owners)

    def _export(
        self, network: Segmenter, encoder: ScratchEncoder | None, loss: float, wall_s: float
    ) -> FittedHead:
        inputs = take(
            self.maker.reader.read(self.maker.images, [int(i) for i in self.train[:2]]), slice(2)
        )
        with torch.no_grad():
            levels = _levels(inputs, encoder)
            model = export_onnx(network, levels, INPUTS, OUTPUTS)
            largest = max(1.0, float(network(*levels)[0].abs().max()))
        feed = {n: level[:1].numpy() for n, level in zip(INPUTS, levels, strict=True)}
        difference = max_difference(network, OnnxRuntimeSession(model, "cpu", None).run, feed)
        if difference > _TOLERANCE * largest:
            raise ParameterError(
                f"the exported network differs from the trained one by {difference:.2g}; report this"
            )
        backbone = None if encoder is None else _as_backbone(encoder, inputs)
        return FittedHead(model, backbone, loss, wall_s)


def _levels(inputs: Inputs, encoder: ScratchEncoder | None) -> list[Tensor]:
    tensors = [torch.from_numpy(array) for array in inputs]
    return [t.float() for t in tensors] if encoder is None else list(encoder(tensors[0]))


def _make_whitening(
    statistics: LevelStatistics, power: float, encoder: ScratchEncoder | None
) -> Whitening:
    """Return the whitening of frozen features; an encoder that still learns keeps its own scale."""
    found = statistics.whitening(power)
    if encoder is not None:
        found = [(0 * mean, np.eye(len(mean), dtype=np.float32)) for mean, _ in found]
    means, projections = zip(*found, strict=True)
    return Whitening(
        [torch.from_numpy(mean) for mean in means],
        [torch.from_numpy(np.ascontiguousarray(matrix)) for matrix in projections],
    )


def _typical_differences(
    memory: FeatureMemory, items: list[Tensor], chosen: Indices
) -> list[float]:
    """Return the mean squared difference of remembered images to the rest of the memory, a level."""
    if len(chosen) < 2:
        return [1.0] * len(items)
    with torch.no_grad():
        found = memory(items, torch.from_numpy(chosen))
    return [max(float(level.mean()), _LEAST_DIFFERENCE) for level in found]


def _as_backbone(encoder: ScratchEncoder, inputs: Inputs) -> Backbone:
    """Return the trained encoder as a bundle carries it."""
    images = torch.from_numpy(inputs[0])
    model = export_onnx(encoder, [images], ["image"], _SCRATCH_LEVELS)
    stages = tuple(
        Stage(name, 4 * 2**i, n)
        for i, (name, n) in enumerate(zip(_SCRATCH_LEVELS, encoder.n_channels, strict=True))
    )
    card = WeightCard(
        name="scratch-encoder",
        source="trained from scratch on the user's images",
        license="the user's own",
        mean=(127.5,) * 3,
        scale=(1 / 127.5,) * 3,
        input_px=int(images.shape[1]),
        stages=stages,
        weights_sha256=hashlib.sha256(model).hexdigest(),
    )
    return Backbone(model, card, _SCRATCH_LEVELS)


def settings_from(detector: Any, kind: type[Any]) -> Any:
    """Return the settings dataclass filled from a detector's attributes of the same names."""
    return kind(**{name: getattr(detector, name) for name in kind.__dataclass_fields__})
