"""Times and sizes as people write them: 90s, 10m, 1h; 800MB, 2GB."""

import re
from typing import Any

import click

_TIME_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_AGE_UNITS = {**_TIME_UNITS, "d": 86400.0, "w": 604800.0}
_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}


class _Quantity(click.ParamType[Any]):
    def __init__(self, name: str, units: dict[str, Any], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the quantity in base units."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", value)
        unit = self._find_unit(match[2]) if match else None
        if not match or unit is None or float(match[1]) <= 0:
            self.fail(f"{value!r} is no {self.name}; write it like {self._example}", param, ctx)
        return float(match[1]) * unit

    def _find_unit(self, text: str) -> Any:
        return self._units.get(text, self._units.get(text.lower(), self._units.get(text.upper())))


class _Bytes(_Quantity):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return whole bytes."""
        return int(super().convert(value, param, ctx))


AGE = _Quantity("age", _AGE_UNITS, "12h or 30d")
SECONDS = _Quantity("time", _TIME_UNITS, "90s, 10m or 1h")
BYTES = _Bytes("size", _SIZE_UNITS, "800MB or 2GB")
