"""What detectors do with arrays: batch them, check those of a bundle, draw a score from a map's cells."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features
from defectory.domain import ParameterError

BATCH = 32
"""Images that are scored together: whitening matrices are read from memory once for all."""


def batched(features: Iterable[Features]) -> Iterator[list[Features]]:
    """Yield the images' features in lists of BATCH; the last may be shorter."""
    batch: list[Features] = []
    for one in features:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def check_array(
    arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return the named array; ParameterError if it is missing or its shape is another (None: any)."""
    array = arrays.get(name)
    if array is None:
        raise ParameterError(f"the array {name!r} is missing")
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise ParameterError(f"the array {name!r} is {array.shape}; expected {shape}")
    return array


def top_mean(cells: NDArray[np.float32], ratio: float) -> float:
    """Return the mean of the highest `ratio` of the values, at least one of them."""
    flat = cells.ravel()
    n = max(1, round(ratio * flat.size))
    return float(np.partition(flat, flat.size - n)[flat.size - n :].mean(dtype=np.float64))
