"""Which places are defective: small networks, one a fold, so that no image judges itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.adamw import AdamW
from defectory.detectors.evidence.training_set import BatchSampler, PlaceRows, PlaceTrainingSet
from defectory.detectors.grouping import Groups, deal_groups
from defectory.domain import ParameterError
from defectory.machine import count_cores, map_ordered

Float = NDArray[np.float32]
Indices = NDArray[np.intp]

# Beyond it a probability is 0 or 1 in float32.
_MOST_LOGIT = 60.0


@dataclass(frozen=True)
class ClassifierSettings:
    """How the networks are trained.

    Attributes
    ----------
    n_folds : >= 2, networks; network k never learns from images of fold k
    n_hidden : units of the hidden layer
    n_steps, batch_size : of AdamW; half of a batch is defective
    learning_rate, weight_decay : of AdamW
    """

    n_folds: int = 3
    n_hidden: int = 64
    n_steps: int = 300
    batch_size: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 0.1


@dataclass(frozen=True)
class _Network:
    """One hidden layer of rectified units."""

    inner: Float
    inner_bias: Float
    outer: Float
    outer_bias: Float

    @property
    def parts(self) -> list[Float]:
        """The weights, in the order of the constructor."""
        return [self.inner, self.inner_bias, self.outer, self.outer_bias]

    def logits(self, places: PlaceRows, image: int) -> Float:
        """Return (p,), of the places of one image."""
        hidden = places.products(image, self.inner) + self.inner_bias
        return np.asarray(np.maximum(hidden, 0) @ self.outer + self.outer_bias)

    @classmethod
    def mean_of(cls, networks: Sequence["_Network"]) -> Self:
        """Return a wider network whose logits are the mean of theirs, from one matrix product for all."""
        return cls(
            np.concatenate([net.inner for net in networks], axis=1),
            np.concatenate([net.inner_bias for net in networks]),
            np.concatenate([net.outer / np.float32(len(networks)) for net in networks]),
            np.stack([net.outer_bias for net in networks]).mean(axis=0),
        )


class PlaceClassifier:
    """Logits of places being defective, by the networks of all folds.

    Notes
    -----
    Trained on a few labeled defects against normal places. Every batch is half defective, and every defective
    image counts the same however large its defect: classes are balanced.
    """

    def __init__(self, networks: list[_Network]) -> None:
        self._networks = networks
        self.together = _Network.mean_of(networks)

    @classmethod
    def train(
        cls, known: PlaceTrainingSet, settings: ClassifierSettings, seed: int
    ) -> tuple[Self, Float]:
        """Return the networks, and (n, p) logits of all images, each by the one that has not seen it.

        Where defective images are all of one group, all networks have learned from them.
        """
        folds = deal_folds(known.is_defective, known.groups, settings.n_folds, seed)

        def train(fold: int) -> _Network:
            return _train(known, folds != fold, settings, [seed, fold])

        found = cls(list(map_ordered(train, range(settings.n_folds), count_cores())))
        return found, found._left_out_logits(known.places, folds)

    @property
    def n_columns(self) -> int:
        """Numbers in a row that it was taught on; see `PlaceRows.n_columns`."""
        return len(self.together.inner)

    def logits(self, places: PlaceRows) -> Float:
        """Return (n, p) mean logits of images that no network has learned from."""
        return np.array([self.together.logits(places, i) for i in range(len(places))], np.float32)

    def _left_out_logits(self, places: PlaceRows, folds: Indices) -> Float:
        found = [self._networks[fold].logits(places, i) for i, fold in enumerate(folds.tolist())]
        return np.array(found, np.float32)

    def arrays(self) -> Arrays:
        """Return the weights of all networks."""
        names = ("inner", "inner_bias", "outer", "outer_bias")
        return {name: np.stack([getattr(net, name) for net in self._networks]) for name in names}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], allowed_columns: Collection[int]) -> Self:
        """Return what `arrays` described; ParameterError where it does not fit."""
        inner = check_array(arrays, "inner", (None, None, None))
        k, n_columns, h = inner.shape
        if n_columns not in allowed_columns:
            raise ParameterError(f"a classifier of places has {n_columns} columns")
        bias = check_array(arrays, "inner_bias", (k, h))
        outer = check_array(arrays, "outer", (k, h))
        outer_bias = check_array(arrays, "outer_bias", (k, 1))
        return cls([_Network(*parts) for parts in zip(inner, bias, outer, outer_bias, strict=True)])


def _train(
    known: PlaceTrainingSet,
    is_taught: NDArray[np.bool_],
    settings: ClassifierSettings,
    seed: list[int],
) -> _Network:
    """Return a network that AdamW taught by binary cross-entropy.

    Columns are not standardized: distances are larger than components, and weigh more for it, which
    is right where a few labels are all there is.
    """
    rng = np.random.default_rng(seed)
    sampler = BatchSampler(known, is_taught, rng)
    network = _initial(known.places.n_columns, settings.n_hidden, rng)
    optimizer = AdamW(settings.learning_rate, settings.weight_decay)
    for _ in range(settings.n_steps):
        rows, is_defective = sampler.batch(settings.batch_size)
        network = _Network(*optimizer.step(network.parts, _gradients(network, rows, is_defective)))
    return network


def _initial(n_columns: int, n_hidden: int, rng: np.random.Generator) -> _Network:
    """Return random weights within one over the square root of the inputs' number (LeCun et al. 1998)."""

    def uniform(n_inputs: int, *shape: int) -> Float:
        return np.asarray((2 * rng.random(shape) - 1) / n_inputs**0.5, np.float32)

    return _Network(
        uniform(n_columns, n_columns, n_hidden),
        uniform(n_columns, n_hidden),
        uniform(n_hidden, n_hidden),
        uniform(n_hidden, 1),
    )


def _gradients(network: _Network, rows: Float, is_defective: NDArray[np.bool_]) -> list[Float]:
    """Return the gradients of the mean binary cross-entropy, in the order of `parts`."""
    hidden = rows @ network.inner
    hidden += network.inner_bias
    np.maximum(hidden, 0, out=hidden)
    logits = np.clip(hidden @ network.outer + network.outer_bias, -_MOST_LOGIT, _MOST_LOGIT)
    away = (1 / (1 + np.exp(-logits)) - is_defective).astype(np.float32) / len(rows)
    back = np.multiply.outer(away, network.outer)
    back *= hidden > 0
    return [rows.T @ back, back.sum(axis=0), hidden.T @ away, away.sum(keepdims=True)]


def deal_folds(is_defective: NDArray[np.bool_], groups: Groups, n_folds: int, seed: int) -> Indices:
    """Return (n,) folds, groups with defective images and others dealt out evenly, at random."""
    rng = np.random.default_rng([seed, n_folds])
    with_defects = np.unique(groups[is_defective])
    folds = np.full(len(groups), -1, np.intp)
    for numbers in (with_defects, np.setdiff1d(groups, with_defects)):
        dealt = deal_groups(groups, rng.permutation(numbers).tolist(), n_folds)
        folds = np.maximum(folds, dealt)
    return folds
