"""AdamW on NumPy arrays: for networks so small that torch would take longer to import than to train."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

_FIRST_DECAY, _SECOND_DECAY, _EPSILON = 0.9, 0.999, 1e-8


class AdamW:
    """Adam with decoupled weight decay.

    Parameters
    ----------
    learning_rate : > 0
    weight_decay : >= 0, share that weights lose in a step, times the learning rate

    Notes
    -----
    Source: Loshchilov and Hutter 2019, algorithm 2, without a schedule. Differs from it: nothing known.
    """

    def __init__(self, learning_rate: float, weight_decay: float) -> None:
        self._rate, self._decay = learning_rate, weight_decay
        self._moments: list[tuple[Float, Float]] = []
        self._n_steps = 0

    def step(self, weights: Sequence[Float], gradients: Sequence[Float]) -> list[Float]:
        """Return the weights after one step; always the same arrays, in the same order."""
        if not self._moments:
            self._moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
        self._n_steps += 1
        first_bias = 1 - _FIRST_DECAY**self._n_steps
        second_bias = 1 - _SECOND_DECAY**self._n_steps
        moved = []
        for weight, gradient, (first, second) in zip(
            weights, gradients, self._moments, strict=True
        ):
            first += (1 - _FIRST_DECAY) * (gradient - first)
            second += (1 - _SECOND_DECAY) * (np.square(gradient) - second)
            change = (first / first_bias) / (np.sqrt(second / second_bias) + _EPSILON)
            kept = np.float32(1 - self._rate * self._decay)
            moved.append((kept * weight - self._rate * change).astype(np.float32))
        return moved
