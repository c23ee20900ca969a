"""Arrays of a bundle, checked before they are used."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import CONTENT_DIGITS, ParameterError


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


_CHUNK_DIGITS = 3


def to_numbers(hashes: Sequence[str]) -> NDArray[np.float32]:
    """Return (m, k) float32: hashes of 3 k hex digits as numbers small enough to be exact."""
    starts = range(0, CONTENT_DIGITS, _CHUNK_DIGITS)
    rows = [[int(name[i : i + _CHUNK_DIGITS], 16) for i in starts] for name in hashes]
    return np.array(rows, np.float32).reshape(len(hashes), len(starts))


def to_hashes(numbers: NDArray[np.floating]) -> tuple[str, ...]:
    """Return the hashes that `to_numbers` was given; ParameterError where it gave no such numbers."""
    if numbers.shape[1:] != (CONTENT_DIGITS // _CHUNK_DIGITS,):
        raise ParameterError(f"hashes are {numbers.shape}; expected {CONTENT_DIGITS} digits each")
    if not _are_whole_below(16**_CHUNK_DIGITS, numbers):
        raise ParameterError("a hash is damaged")
    return tuple("".join(f"{int(number):0{_CHUNK_DIGITS}x}" for number in row) for row in numbers)


def to_groups(numbers: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return (n,) numbers of groups, counted from 0; ParameterError where they are damaged."""
    if not _are_whole_below(len(numbers), numbers):
        raise ParameterError("the number of a group is damaged")
    return numbers.astype(np.int64)


def _are_whole_below(limit: int, numbers: NDArray[np.floating]) -> bool:
    return bool(((numbers >= 0) & (numbers < limit) & (numbers == np.floor(numbers))).all())
