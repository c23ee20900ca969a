"""Arrays of a bundle, checked before they are used."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from defectory.domain import ParameterError


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
