"""What callers give as labels, masks and groups of n images -> codes, arrays or files, strings."""

from collections.abc import Collection, Hashable, Mapping, Sequence, Set
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.api.arrays import check_mask
from defectory.api.images import is_path
from defectory.api.paths import AnyPath
from defectory.domain import Label, MaskSource, ParameterError
from defectory.domain.images import Mask
from defectory.workflows.given import read_label_codes

Labels = Collection[Label | int | float | bool | str | np.generic | None] | NDArray[Any]
"""n labels: codes of Label; 0 or False good, 1 or True defective; words; None or nan unlabeled."""

Masks = Collection[NDArray[Any] | AnyPath | None] | NDArray[Any] | MaskSource
"""n masks: (h, w) arrays, not 0 where defective, or files; None where there is none."""

Groups = Collection[Hashable] | NDArray[Any]
"""n groups: images of one value belong together (a part, a batch).

None, nan, empty text or a number below 0 where an image belongs to none.
"""


def read_labels(
    labels: Labels | None, n: int, good_words: Collection[str] = (), bad_words: Collection[str] = ()
) -> NDArray[np.int8]:
    """Return (n,) codes of Label.

    Raises
    ------
    ParameterError : they are no sequence, not n, or look like scikit-learn's -1 and 1.
    DataError : a value is not understood.
    """
    if labels is None:
        return np.full(n, Label.UNLABELED, np.int8)
    values = _values("labels", labels, n)
    _refuse_inlier_codes(values)
    return read_label_codes(values, good_words, bad_words)


def read_masks(masks: Masks | None, n: int) -> Sequence[Mask | Path | None] | MaskSource:
    """Return n masks: (h, w) bool, a file, or None; a MaskSource as it is.

    Raises
    ------
    ParameterError : they are not n, or one is no mask.
    """
    if masks is None:
        return [None] * n
    if hasattr(masks, "read") and not isinstance(masks, np.ndarray):
        if len(masks) != n:
            raise ParameterError(f"masks: {len(masks)} for {n} images; give one an image")
        return masks  # type: ignore[return-value]
    found: list[Mask | Path | None] = []
    for i, item in enumerate(_values("masks", masks, n)):
        found.append(None if item is None else Path(item) if is_path(item) else check_mask(item, i))
    return found


def read_groups(groups: Groups | None, n: int) -> list[str | None]:
    """Return n groups as text, None where an image has none; see `Groups`.

    Raises
    ------
    ParameterError : they are not n, or one is neither text nor a number.
    """
    if groups is None:
        return [None] * n
    values = _values("groups", groups, n)
    for i, value in enumerate(values):
        if not isinstance(value, Hashable):
            raise ParameterError(
                f"group {i} is of type {type(value).__name__}; give text or a number"
            )
    return [None if _is_no_group(value) else str(value) for value in values]


def _is_no_group(value: object) -> bool:
    if isinstance(value, int | float):
        return value < 0
    return value is None or (isinstance(value, str) and not value.strip())


def _values(name: str, given: Any, n: int) -> list[Any]:
    """Return n values in order, scalars of NumPy and torch as Python's; missing ones (nan, NA) are None."""
    if type(given).__name__ == "DataFrame":
        raise ParameterError(f"{name} is a DataFrame; give one column of it")
    is_sized = hasattr(given, "__len__") and getattr(given, "shape", None) != ()
    if not is_sized or isinstance(given, str | bytes | Mapping | Set):
        raise ParameterError(f"{name} is {given!r:.40}; give a sequence with one for each image")
    if isinstance(given, np.ndarray) and given.ndim == 2 and name != "masks" and 1 in given.shape:
        raise ParameterError(f"{name} has the shape {given.shape}; give {name}.ravel()")
    if len(given) != n:
        raise ParameterError(f"{name}: {len(given)} for {n} images; give one an image")
    plain = (value.item() if getattr(value, "shape", None) == () else value for value in given)
    return [None if _is_missing(value) else value for value in plain]


def _is_missing(value: object) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and isnan(value)


def _refuse_inlier_codes(values: Sequence[object]) -> None:
    """Refuse -1 and 1 where most are 1: scikit-learn marks inliers so, and the other way round."""
    if any(isinstance(value, Label) or not isinstance(value, int | float) for value in values):
        return
    n_minus, n_one = values.count(-1), values.count(1)
    if n_minus and n_one > n_minus and n_minus + n_one == len(values):
        raise ParameterError(
            "labels are 1 and, more rarely, -1, as scikit-learn marks inliers and outliers; here 0 is good, "
            "1 defective and -1 unlabeled: give np.where(labels == 1, 0, 1), or members of defectory.Label"
        )
