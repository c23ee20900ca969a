"""MCOD's training: a query network, its slow momentum twin, their queue and the memory."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from defectory.detectors.contrast.losses import (
    balance,
    chance,
    column_contrast,
    instance_contrast,
    read_distances,
    read_loss,
)
from defectory.detectors.contrast.memory_slots import Queue, write_memory
from defectory.domain import TrainingResources
from defectory.networks.heads import N_EMBEDDING, ContrastNetwork, ContrastOutputs
from defectory.training.devices import autocast, find_device
from defectory.training.schedules import warm_up_cosine

_N_WARM_UP = 20
# A queue holds so many batches at least: negatives would else be the batch itself.
_BATCHES_IN_QUEUE = 16
# A small collection is passed over in about so many batches, of so many images at least.
_BATCHES_IN_PASS, _MIN_BATCH = 8, 16


@dataclass(frozen=True)
class Objective:
    """What is minimized, and how; see `Mcod` for the meaning of each."""

    n_slots: int = 10
    temperature: float = 0.1
    cluster_temperature: float = 0.5
    contrast_weight: float = 1.0
    cluster_weight: float = 1.0
    balance_weight: float = 0.05
    read_weight: float = 1.0
    read_from_ratio: float = 0.3
    trim_ratio: float = 0.3
    sum_read_loss: bool = False
    unit_memory: bool = False
    noise_ratio: float = 0.1
    momentum: float = 0.99
    n_queue: int = 4096
    n_batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4


class ImageViews(Protocol):
    """The images as the twins see them."""

    def __len__(self) -> int:
        """Return how many images there are."""
        ...

    def plain(self, indices: NDArray[np.intp]) -> Tensor:
        """Return the images as they are, a row each."""
        ...

    def augmented(self, indices: NDArray[np.intp], rng: np.random.Generator) -> Tensor:
        """Return another view of each."""
        ...


class Twins:
    """The trainee of an MCOD run: one step is one batch.

    Parameters
    ----------
    network : in any state; trained in place
    """

    def __init__(
        self,
        network: ContrastNetwork,
        views: ImageViews,
        objective: Objective,
        resources: TrainingResources,
        seed: int,
    ) -> None:
        self.device = find_device(resources)
        self.query: ContrastNetwork = network.to(self.device)
        self.query.train()
        self.momentum = copy.deepcopy(self.query).requires_grad_(False)
        self.objective, self._views, self._resources = objective, views, resources
        self._optimizer = torch.optim.Adam(
            self.query.parameters(),
            lr=objective.learning_rate,
            weight_decay=objective.weight_decay,
        )
        widths = (N_EMBEDDING, network.heads.slots.in_features, objective.n_slots)
        self._queue = Queue(objective.n_queue, widths, self.device)
        self._rng = np.random.default_rng([seed, 1])
        self._noise = torch.Generator().manual_seed(seed)
        self._order = np.empty(0, np.intp)
        small = max(_MIN_BATCH, len(views) // _BATCHES_IN_PASS)
        queued = objective.n_queue // _BATCHES_IN_QUEUE
        self.n_batch = min(objective.n_batch, small, queued, len(views))
        self.memory: Tensor | None = None

    def step(self, index: int, n_steps: int) -> Mapping[str, float]:
        """Take one step: losses, weights, momentum twin, queue, memory."""
        target = self.objective
        chosen = self._next_batch()
        plain, other = self._views.plain(chosen), self._views.augmented(chosen, self._rng)
        plain, other = plain.to(self.device), other.to(self.device)
        with torch.no_grad():
            keys, slow = self.momentum(other), self.momentum(plain)
        for group in self._optimizer.param_groups:
            group["lr"] = target.learning_rate * warm_up_cosine(
                index, n_steps, n_warm_up=_N_WARM_UP
            )
        n_negatives = len(self._queue.held()[0])
        is_reading = index >= target.read_from_ratio * n_steps and self.memory is not None
        with autocast(self._resources, self.device):
            losses = self._losses(self.query(plain), keys, is_reading)
        total = sum(losses[name] * weight for name, weight in self._weights(is_reading).items())
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([torch.as_tensor(total)])
        self._optimizer.step()
        self._follow()
        self._queue.push(keys.embedding, slow.features, slow.slots)
        self._write(1 - index / n_steps)
        return self._report(losses, n_negatives)

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "query": self.query.state_dict(),
            "momentum": self.momentum.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "queue": self._queue.state(),
            "rng": self._rng.bit_generator.state,
            "noise": self._noise.get_state(),
            "order": self._order,
            "memory": self.memory,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self.query.load_state_dict(state["query"])
        self.momentum.load_state_dict(state["momentum"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._queue.restore(state["queue"])
        self._rng.bit_generator.state = state["rng"]
        self._noise.set_state(state["noise"])
        self._order = state["order"]
        memory = state["memory"]
        self.memory = None if memory is None else memory.to(self.device)

    def _next_batch(self) -> NDArray[np.intp]:
        """Return the next images of an order that is drawn anew when it is used up."""
        n = self.n_batch
        if len(self._order) < n:
            self._order = self._rng.permutation(len(self._views))
        chosen, self._order = self._order[:n], self._order[n:]
        return chosen

    def _losses(
        self, found: ContrastOutputs, keys: ContrastOutputs, is_reading: bool
    ) -> dict[str, Tensor]:
        target = self.objective
        negatives = self._queue.held()[0]
        losses = {
            "contrast": instance_contrast(
                found.embedding, keys.embedding, negatives, target.temperature
            ),
            "cluster": column_contrast(found.slots, keys.slots, target.cluster_temperature),
            "balance": balance(found.slots),
        }
        if is_reading and self.memory is not None:
            distances = read_distances(found.features, found.slots, self.memory)
            # a mean over features, too: the weight is to mean the same for any width
            losses["read"] = read_loss(
                distances / found.features.shape[1],
                trim_ratio=target.trim_ratio,
                is_summed=target.sum_read_loss,
            )
        return losses

    def _weights(self, is_reading: bool) -> dict[str, float]:
        target = self.objective
        weights = {
            "contrast": target.contrast_weight,
            "cluster": target.cluster_weight,
            "balance": target.balance_weight,
        }
        return weights | {"read": target.read_weight} if is_reading else weights

    def _follow(self) -> None:
        """Move the momentum twin a little towards the query network; statistics of norms are copied."""
        with torch.no_grad():
            for slow, fast in zip(self.momentum.parameters(), self.query.parameters(), strict=True):
                slow.lerp_(fast, 1 - self.objective.momentum)
            for kept, counted in zip(self.momentum.buffers(), self.query.buffers(), strict=True):
                kept.copy_(counted)

    def _write(self, left_ratio: float) -> None:
        _, features, slots = self._queue.held()
        self.memory = write_memory(
            features, slots, noise_ratio=self.objective.noise_ratio * left_ratio,
            is_unit=self.objective.unit_memory, generator=self._noise,
        )  # fmt: skip

    def _report(self, losses: Mapping[str, Tensor], n_negatives: int) -> dict[str, float]:
        """Return the losses, how far the contrast is from chance, and how many slots are in use."""
        _, _, slots = self._queue.held()
        shares = torch.bincount(slots.argmax(dim=1), minlength=slots.shape[1]) / len(slots)
        at_chance = chance(max(1, n_negatives))
        return {name: loss.item() for name, loss in losses.items()} | {
            "of chance": losses["contrast"].item() / at_chance,
            "slots used": float((shares > 0.2 / slots.shape[1]).sum()),
        }


def describe(
    network: torch.nn.Module, views: ImageViews, n_rows: int = 512
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (n, d) and slot shares (n, k) of every image as it is, by the network in eval mode."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    features, shares = [], []
    with torch.no_grad():
        for start in range(0, len(views), n_rows):
            rows = np.arange(start, min(start + n_rows, len(views)))
            outputs = network(views.plain(rows).to(device))
            features.append(outputs.features.cpu().numpy())
            shares.append(outputs.slots.softmax(dim=1).cpu().numpy())
    network.train(was_training)
    return np.concatenate(features), np.concatenate(shares)
