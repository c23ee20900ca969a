"""Training of memory, fusion, decoder and q on rounds of simulated and known defects (torch)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d

from defectory.detectors.segmentation.inputs import Inputs, join, take
from defectory.detectors.segmentation.rounds import Indices, KnownAnomalies, Round, RoundMaker
from defectory.domain import Label, TrainingResources
from defectory.networks.losses import image_loss, segmentation_loss
from defectory.networks.segmenter import Segmenter
from defectory.training.checkpoints import State
from defectory.training.devices import autocast, find_device
from defectory.training.schedules import warm_up_cosine

_STEPS_A_ROUND = 50
# Labeled defects at most in a batch: simulated ones go on teaching what has no label yet.
_N_KNOWN = 2
_MAX_KNOWN_A_ROUND = 64
_KNOWN_STREAM = 3

PseudoLabel = Callable[[NDArray[np.float32], NDArray[np.int8], int], NDArray[np.int8]]
"""(descriptors, confirmed codes, round) -> codes of all, UNLABELED where nobody knows."""


@dataclass(frozen=True)
class TrainingSettings:
    """How training goes; see the detectors' parameters of the same names.

    `pseudo_gradient` False computes the pseudo-label loss without a gradient, as MAPL's released code does.
    """

    batch_size: int = 8
    learning_rate: float = 3e-3
    weight_decay: float = 5e-4
    warm_up_ratio: float = 0.1
    use_image_loss: bool = True
    pseudo_gradient: bool = True
    pseudo_simulated: bool = False
    refresh_memory: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Teaching:
    """What there is to learn from.

    Attributes
    ----------
    maker, pool : rounds, and the images they draw from
    validation : images that are never trained on
    known : labeled defects, or None
    pseudo_label : gives codes to images nobody labeled, or None
    memory_inputs : of the memory's images, to refresh it while the encoder trains
    """

    maker: RoundMaker
    pool: Indices
    validation: Round
    known: KnownAnomalies | None
    pseudo_label: PseudoLabel | None
    memory_inputs: Inputs


@dataclass
class _Lesson:
    """A round, with what was found out about it at its start."""

    round: Round
    known: KnownAnomalies | None
    normal_codes: NDArray[np.int8]
    simulated_codes: NDArray[np.int8]


@dataclass
class _Best:
    """The weights of the round whose validation loss was the lowest."""

    loss: float = float("inf")
    weights: dict[str, Tensor] = field(default_factory=dict)


class SegmentationTrainee:
    """Takes the steps of a run; see `defectory.training.loop.Trainee`.

    Notes
    -----
    All random draws of a step follow from the seed and the step's number, so that there is no generator to
    keep; the state is weights, optimizer, this round's pseudo-labels and the best weights so far.
    """

    def __init__(
        self,
        network: Segmenter,
        encoder: nn.Module | None,
        teaching: Teaching,
        settings: TrainingSettings,
        resources: TrainingResources,
        n_steps: int = _STEPS_A_ROUND,
    ) -> None:
        self._n_places = min(_STEPS_A_ROUND, n_steps)
        self._device = find_device(resources)
        self._resources = resources
        self._network = network.to(self._device)
        self._encoder = None if encoder is None else encoder.to(self._device)
        self._teaching, self._settings = teaching, settings
        modules = [network] if encoder is None else [network, encoder]
        self._modules = nn.ModuleList(modules)
        self._optimizer = torch.optim.AdamW(
            self._modules.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
        self._lesson: _Lesson | None = None
        self._number = -1
        self._best = _Best()

    def step(self, index: int, n_steps: int) -> Mapping[str, float]:
        """Take one step; the last of a round validates."""
        number, place = divmod(index, self._n_places)
        if number != self._number:
            self._begin(number)
        losses = self.losses(place)
        factor = warm_up_cosine(
            index, n_steps, n_warm_up=round(self._settings.warm_up_ratio * n_steps)
        )
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * factor
        self._optimizer.zero_grad()
        total = torch.stack(list(losses.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        if place == self._n_places - 1 or index == n_steps - 1:
            self._validate()
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def losses(self, place: int) -> dict[str, Tensor]:
        """Return the terms of the loss of one batch of the present round, with their graph."""
        lesson, settings = self._lesson, self._settings
        assert lesson is not None
        half = settings.batch_size // 2
        rows = np.arange(place * half, (place + 1) * half)
        normals, simulated = take(lesson.round.normals, rows), take(lesson.round.simulated, rows)
        known = self._draw_known(lesson, place)
        parts = [normals, simulated] if known is None else [normals, simulated, known.inputs]
        own = lesson.round.indices[rows]
        n_known = 0 if known is None else len(known)
        logits, image_logits = self._forward(
            parts, np.concatenate([own, own, np.full(n_known, -1)])
        )
        normal_codes, simulated_codes = lesson.normal_codes[rows], lesson.simulated_codes[rows]
        # an image that may be defective teaches no pixel to be normal, nor does a defect drawn into it
        trusted = normal_codes == Label.NORMAL
        is_taught = np.concatenate([trusted, trusted, np.zeros(n_known, bool)])
        masks = np.zeros((len(is_taught), *lesson.round.masks.shape[1:]), bool)
        masks[half : 2 * half] = lesson.round.masks[rows]
        if known is not None:
            is_taught[2 * half :], masks[2 * half :] = known.has_mask, known.masks
        losses = {"segmentation": self._segmentation_loss(logits, masks, is_taught)}
        if settings.use_image_loss:
            confirmed = lesson.round.labels[rows]
            guessed = np.where(confirmed == Label.UNLABELED, normal_codes, Label.UNLABELED)
            unknown = np.full(half, Label.UNLABELED)
            anomalous, nobody = np.full(n_known, Label.ANOMALOUS), np.full(n_known, Label.UNLABELED)
            losses["image"] = self._image_loss(image_logits, confirmed, unknown, anomalous)
            pseudo = self._image_loss(image_logits, guessed, simulated_codes, nobody)
            losses["pseudo"] = pseudo if settings.pseudo_gradient else pseudo.detach()
        return losses

    def state(self) -> State:
        """See Trainee."""
        lesson = self._lesson
        return {
            "modules": dict(self._modules.state_dict()),
            "optimizer": self._optimizer.state_dict(),
            "number": self._number,
            "normal_codes": None if lesson is None else lesson.normal_codes,
            "simulated_codes": None if lesson is None else lesson.simulated_codes,
            "best": {"loss": self._best.loss, "weights": dict(self._best.weights)},
        }

    def restore(self, state: Any) -> None:
        """See Trainee."""
        self._modules.load_state_dict(state["modules"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._best = _Best(float(state["best"]["loss"]), dict(state["best"]["weights"]))
        self._number = state["number"]
        if self._number >= 0:
            drawn, known = self._draw_round(self._number)
            self._lesson = _Lesson(drawn, known, state["normal_codes"], state["simulated_codes"])

    def finish(self) -> float:
        """Take the best weights; return their validation loss."""
        self._modules.load_state_dict(self._best.weights)
        self._modules.to("cpu").eval()
        return self._best.loss

    def _begin(self, number: int) -> None:
        self._number = number
        if self._encoder is not None and (number == 0 or self._settings.refresh_memory):
            self._refresh_memory()
        drawn, known = self._draw_round(number)
        normal_codes, simulated_codes = self._find_codes(drawn, known, number)
        self._lesson = _Lesson(drawn, known, normal_codes, simulated_codes)

    def _draw_round(self, number: int) -> tuple[Round, KnownAnomalies | None]:
        teaching = self._teaching
        n = self._n_places * (self._settings.batch_size // 2)
        drawn = teaching.maker.make(teaching.pool, n, number)
        known = teaching.known
        if known is not None and len(known) > _MAX_KNOWN_A_ROUND:
            rng = np.random.default_rng([self._settings.seed, _KNOWN_STREAM, number])
            known = known.rows(np.sort(rng.choice(len(known), _MAX_KNOWN_A_ROUND, replace=False)))
        return drawn, known

    def _find_codes(
        self, drawn: Round, known: KnownAnomalies | None, number: int
    ) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Return codes of the round's images and of its simulated ones, from confirmed and pseudo-labels."""
        n = len(drawn.indices)
        pseudo_label = self._teaching.pseudo_label
        if pseudo_label is None:  # unlabeled images are taken for normal
            return np.zeros(n, np.int8), np.ones(n, np.int8)
        parts = [drawn.normals, drawn.simulated] + ([] if known is None else [known.inputs])
        descriptors = np.concatenate([self._describe(part) for part in parts])
        codes = np.full(len(descriptors), Label.UNLABELED, np.int8)
        codes[:n], codes[2 * n :] = drawn.labels, Label.ANOMALOUS
        if not self._settings.pseudo_simulated:  # what was drawn is known
            codes[n : 2 * n] = Label.ANOMALOUS
        found = pseudo_label(descriptors, codes, number)
        return found[:n], found[n : 2 * n]

    def _draw_known(self, lesson: _Lesson, place: int) -> KnownAnomalies | None:
        if lesson.known is None:
            return None
        rng = np.random.default_rng([self._settings.seed, _KNOWN_STREAM, self._number, place])
        n = min(_N_KNOWN, len(lesson.known))
        return lesson.known.rows(rng.choice(len(lesson.known), n, replace=False))

    def _forward(self, parts: Sequence[Inputs], own: Indices) -> tuple[Tensor, Tensor]:
        with autocast(self._resources, self._device):
            levels = self._levels(join(parts))
            logits, image_logits = self._network(
                *levels, own=torch.from_numpy(own).to(self._device)
            )
        return logits.float(), image_logits.float()

    def _levels(self, inputs: Inputs) -> list[Tensor]:
        tensors = [torch.from_numpy(array).to(self._device) for array in inputs]
        if self._encoder is None:
            return [tensor.float() for tensor in tensors]
        return list(self._encoder(tensors[0]))

    def _describe(self, inputs: Inputs) -> NDArray[np.float32]:
        """Return (n, 2c): mean and standard deviation of the coarsest level over the image."""
        found = []
        with torch.no_grad():
            for start in range(0, len(inputs[0]), 32):
                level = self._levels(take(inputs, slice(start, start + 32)))[-1].flatten(2)
                found.append(torch.cat([level.mean(dim=2), level.std(dim=2)], dim=1).cpu())
        described: NDArray[np.float32] = torch.cat(found).numpy()
        return described

    def _refresh_memory(self) -> None:
        with torch.no_grad():
            self._network.memory.replace(self._levels(self._teaching.memory_inputs))

    def _segmentation_loss(
        self, logits: Tensor, masks: NDArray[np.bool_], is_taught: NDArray[np.bool_]
    ) -> Tensor:
        if not is_taught.any():
            return logits.sum() * 0.0
        truth = torch.from_numpy(masks[is_taught].astype(np.float32)).to(self._device)
        # a cell of the map is defective where any of its pixels is: thin cracks must not vanish
        truth = adaptive_max_pool2d(truth[:, None], logits.shape[-2:])[:, 0]
        return segmentation_loss(logits[torch.from_numpy(is_taught).to(self._device)], truth)

    def _image_loss(self, logits: Tensor, *codes: NDArray[np.integer]) -> Tensor:
        return image_loss(logits, torch.from_numpy(np.concatenate(codes)).to(self._device))

    def _validate(self) -> None:
        """Keep the weights if they are the best so far on held-out images and defects drawn into them."""
        held_out = self._teaching.validation
        n = len(held_out.indices)
        total = 0.0
        with torch.no_grad():
            for start in range(0, n, 8):
                rows = slice(start, start + 8)
                parts = [take(held_out.normals, rows), take(held_out.simulated, rows)]
                own = np.full(2 * len(held_out.indices[rows]), -1)
                logits, _ = self._forward(parts, own)
                masks = held_out.masks[rows]
                truth = np.concatenate([np.zeros_like(masks), masks])
                is_all = np.ones(len(truth), bool)
                total += float(self._segmentation_loss(logits, truth, is_all)) * len(masks)
        if total / n <= self._best.loss:
            weights = {k: v.detach().clone() for k, v in self._modules.state_dict().items()}
            self._best = _Best(total / n, weights)
