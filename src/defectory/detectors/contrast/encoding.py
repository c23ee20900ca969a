"""What is shipped of the two encoders: small arrays for NumPy, or an ONNX network. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features
from defectory.detectors.contrast.projection import Float, Projection, pool_grids

FEATURES, SLOTS = "features", "slots"
"""Stages of a network that was trained from scratch."""

GRID_SIDE = 3
_WEIGHTS = (
    "hidden.weight",
    "hidden.bias",
    "added.weight",
    "added.bias",
    "slots.weight",
    "slots.bias",
)


@dataclass(frozen=True)
class PackagedEncoder:
    """Features and slot shares from frozen features, image by image.

    Attributes
    ----------
    projection : of the frozen features
    weights : of ProjectionEncoder, without what only training needs
    """

    projection: Projection
    weights: Mapping[str, Float]

    def __call__(self, features: Features) -> tuple[Float, Float]:
        """Return (1, d) features and (1, k) slot shares of one image."""
        pooled = pool_grids(features, GRID_SIDE)
        vector = self.projection(pooled[None])
        w = self.weights
        hidden = np.maximum(vector @ w["hidden.weight"].T + w["hidden.bias"], 0)
        found = vector + hidden @ w["added.weight"].T + w["added.bias"]
        return found, softmax(found @ w["slots.weight"].T + w["slots.bias"])

    def arrays(self) -> dict[str, Float]:
        """Return the state by name."""
        named = {f"projection.{key}": value for key, value in self.projection.arrays().items()}
        return named | {f"network.{key}": self.weights[key] for key in _WEIGHTS}

    @staticmethod
    def shapes(width: int, d: int, n_slots: int) -> dict[str, tuple[int | None, ...]]:
        """Return what the arrays' shapes must be for frozen features of a width and d coordinates."""
        return {
            "projection.mean": (width,),
            "projection.scale": (width,),
            "projection.axes": (width, d - 1),
            "projection.center": (d,),
            "projection.spread": (1,),
            "network.hidden.weight": (None, d),
            "network.hidden.bias": (None,),
            "network.added.weight": (d, None),
            "network.added.bias": (d,),
            "network.slots.weight": (n_slots, d),
            "network.slots.bias": (n_slots,),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "PackagedEncoder":
        """Return the encoder that `arrays` gave; KeyError where one is missing."""
        projection = Projection.from_arrays(
            {
                k.removeprefix("projection."): v
                for k, v in arrays.items()
                if k.startswith("projection.")
            }
        )
        return cls(projection, {key: arrays[f"network.{key}"] for key in _WEIGHTS})

    @classmethod
    def from_network(
        cls, projection: Projection, state: Mapping[str, NDArray[Any]]
    ) -> "PackagedEncoder":
        """Return the encoder with the weights of a trained ProjectionEncoder."""
        homes = {key: key if key in state else f"heads.{key}" for key in _WEIGHTS}
        return cls(projection, {key: state[home] for key, home in homes.items()})


def read_scratch(features: Features) -> tuple[Float, Float]:
    """Return (1, d) features and (1, k) slot shares that a network trained from scratch gave."""
    return features[FEATURES].reshape(1, -1), softmax(features[SLOTS].reshape(1, -1))


def softmax(logits: Float) -> Float:
    """Return shares, rows summing to 1."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Float = raised / raised.sum(axis=1, keepdims=True)
    return shares
