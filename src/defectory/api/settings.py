"""Settings that callers give: of the right type, or one line that says what to give."""

from collections.abc import Collection
from math import isfinite
from numbers import Integral, Real

import numpy as np

from defectory.domain import ParameterError


def check_whole(**settings: object) -> None:
    """Refuse what is no whole number; ParameterError."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ParameterError(f"{name} is {value!r}; give a whole number")


def check_numbers(**settings: object) -> None:
    """Refuse what is no finite number; ParameterError."""
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
            raise ParameterError(f"{name} is {value!r}; give a number")


def check_optional_numbers(**settings: object) -> None:
    """Refuse what is neither None nor a finite number; ParameterError."""
    check_numbers(**{name: value for name, value in settings.items() if value is not None})


def check_limits(**settings: object) -> None:
    """Refuse what is neither None nor a number above 0; ParameterError."""
    for name, value in settings.items():
        if value is not None:
            check_numbers(**{name: value})
            if not value > 0:  # type: ignore[operator]
                raise ParameterError(f"{name} is {value!r}; give more than 0, or None for no limit")


def check_flags(**settings: object) -> None:
    """Refuse what is neither True nor False; ParameterError."""
    for name, value in settings.items():
        if not isinstance(value, bool | np.bool_):
            raise ParameterError(f"{name} is {value!r}; give True or False")


def check_text(**settings: object) -> None:
    """Refuse what is no text; ParameterError."""
    for name, value in settings.items():
        if not isinstance(value, str):
            raise ParameterError(f"{name} is {value!r}; give text")


def check_words(**settings: object) -> None:
    """Refuse what is no collection of words; ParameterError."""
    for name, value in settings.items():
        if isinstance(value, str) or not isinstance(value, Collection):
            raise ParameterError(f"{name} is {value!r}; give a list of words")


def check_progress(progress: object) -> None:
    """Refuse what cannot be told how far work is; ParameterError."""
    if progress is not None and not all(
        hasattr(progress, name) for name in ("start", "advance", "note", "say")
    ):
        raise ParameterError(
            f"progress is {progress!r}; give an object with start, advance, note and say, or None"
        )
