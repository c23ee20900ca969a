"""What no setting may be, whatever it sets."""

from collections.abc import Mapping
from math import isfinite
from numbers import Integral, Real
from typing import Any

from defectory.domain.errors import ParameterError


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse numbers that are not finite, and a `seed` that is no integer of at least 0.

    Settings that give NaN would pass every comparison with a bound that is written the wrong way round.

    Raises
    ------
    ParameterError : names the setting and its value.
    """
    for name, value in settings.items():
        if isinstance(value, Real) and not isfinite(value):
            raise ParameterError(f"{name} is {value}; give a finite number")
    seed = settings.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ParameterError(f"seed is {seed!r}; give an integer of at least 0")
