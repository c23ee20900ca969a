"""Slots of memory: written from a queue of momentum features, read by softmax; no gradient flows here."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize


class Queue:
    """The last `capacity` rows of several tensors that run parallel."""

    def __init__(self, capacity: int, widths: tuple[int, ...], device: torch.device) -> None:
        self._rows = [torch.zeros(capacity, width, device=device) for width in widths]
        self._next = self._n_held = 0

    def push(self, *batches: Tensor) -> None:
        """Add rows to every tensor; the oldest go."""
        capacity = len(self._rows[0])
        n = len(batches[0])
        where = (torch.arange(n, device=batches[0].device) + self._next) % capacity
        for rows, batch in zip(self._rows, batches, strict=True):
            rows[where] = batch
        self._next = (self._next + n) % capacity
        self._n_held = min(capacity, self._n_held + n)

    def held(self) -> list[Tensor]:
        """Return the rows held so far, in no order."""
        return [rows[: self._n_held] for rows in self._rows]

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes."""
        return {"rows": self._rows, "next": self._next, "n_held": self._n_held}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `state` gave."""
        self._rows = [rows.to(self._rows[0].device) for rows in state["rows"]]
        self._next, self._n_held = state["next"], state["n_held"]


def write_memory(
    features: Tensor,
    slots: Tensor,
    *,
    noise_ratio: float,
    is_unit: bool,
    generator: torch.Generator,
) -> Tensor:
    """Return (k, d) memory: each slot the mean of the features that address it, and noise.

    Parameters
    ----------
    features, slots : (m, d) features and (m, k) logits, of the momentum twin
    noise_ratio : >= 0, noise relative to the features' spread; each slot's is scaled by 1 - its share of the
        queue, so that unused slots wander until something addresses them
    is_unit : rows of length 1, as released; else means, which suit features of any length

    Notes
    -----
    Source: MCOD's released code, rownorm(softmax(W)' F) plus noise. Differs: means for rows of length 1.
    """
    weights = slots.softmax(dim=1)
    memory = weights.T @ features / weights.sum(dim=0)[:, None].clamp(min=1e-6)
    if is_unit:
        memory = normalize(memory, dim=1)
    if noise_ratio == 0:
        return memory
    spread = features.std(dim=0, correction=0).square().mean().sqrt()
    noise = torch.randn(memory.shape, generator=generator).to(memory.device)
    unused = 1 - weights.mean(dim=0)[:, None]
    memory = memory + noise_ratio * unused * spread * noise
    return normalize(memory, dim=1) if is_unit else memory
