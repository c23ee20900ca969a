"""Values as people type them: paths, times, sizes, shares, shards, addresses (90s, 800MB, 1%, 3/16, local).

A path is on this machine or, where a command can, in an object store.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

# as in `remote.addresses`, which is not imported before something is remote; one letter is a drive of Windows
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

_TIME_UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_AGE_UNITS = {**_TIME_UNITS, **dict.fromkeys(("d", "day", "days"), 86400.0), "w": 604800.0}
_SIZE_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}


MAX_SHARDS = 100_000

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # which can be subscripted from click 8.4 on


class _Quantity(_ParamType):
    def __init__(self, name: str, units: dict[str, Any], example: str) -> None:
        self.name = name
        self._units = units
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the quantity in base units."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*([A-Za-z]*)\s*", value)
        unit = self._find_unit(match[2]) if match else None
        # 1,500MB may be thousands or decimals
        if not match or unit is None or re.match(r"\s*[1-9]\d{0,2},\d{3}(?!\d)", value):
            self.fail(f"{value!r} is no {self.name}; write it like {self._example}", param, ctx)
        number = _number(match[1])
        if number <= 0:
            self.fail(f"{value!r} is no {self.name}; it must be more than 0", param, ctx)
        return number * unit

    def _find_unit(self, text: str) -> Any:
        return self._units.get(text, self._units.get(text.lower(), self._units.get(text.upper())))


class _Bytes(_Quantity):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return whole bytes."""
        return int(super().convert(value, param, ctx))


class _Share(_ParamType):
    """A number between 0 and 1, both excluded, or a percentage."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the share as a number."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(
            r"\s*([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*(%?)\s*", value, re.I
        )
        if not match:
            self.fail(f"{value!r} is no share; write it like 0.01 or 1%", param, ctx)
        share = _number(match[1]) / (100 if match[2] else 1)
        if 1 <= share < 100 and not match[2]:
            self.fail(
                f"{value!r} is not between 0 and 1; for {share:g} percent write {share / 100:g} or "
                f"{share:g}%",
                param,
                ctx,
            )
        if not 0 < share < 1:
            self.fail(
                f"{value!r} is not between 0 and 1 (0% and 100%), like 0.01 or 1%", param, ctx
            )
        return share


class _Shard(_ParamType):
    """One of N shards, of which the first is 0."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return its index, and how many there are."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", value)
        if not match:
            self.fail(f"{value!r} is no shard; write it like 3/16, from 0/16 to 15/16", param, ctx)
        index, n = int(match[1]), int(match[2])
        if not 1 <= n <= MAX_SHARDS:
            self.fail(f"{value!r}: there are 1 to {MAX_SHARDS:,} shards", param, ctx)
        if index >= n:
            self.fail(
                f"{value!r}: of {n} shards the first is 0/{n} and the last {n - 1}/{n}", param, ctx
            )
        return index, n


class _RayAddress(_ParamType):
    """Where a Ray cluster is: HOST:PORT, auto or local."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return it as Ray takes it."""
        match = re.fullmatch(
            r"local|auto|(?:\[[\da-fA-F:]+\]|[^\s:/@\[\]]+):(\d{1,5})", value.strip()
        )
        if not match or (match[1] and not 0 < int(match[1]) < 2**16):
            self.fail(
                f"{value!r} is no address of a Ray cluster; write local, auto, or HOST:PORT as ray start "
                "prints it",
                param,
                ctx,
            )
        return value.strip()


def _number(text: str) -> float:
    return float(text.replace(",", "."))


AGE = _Quantity("age", _AGE_UNITS, "12h or 30d")
SECONDS = _Quantity("time", _TIME_UNITS, "90s, 10m or 1h")
BYTES = _Bytes("size", _SIZE_UNITS, "800MB or 2GB")
SHARE = _Share()
SHARD = _Shard()
RAY_ADDRESS = _RayAddress()


class _TypedPath(click.Path):
    """Refuses an empty path, which would mean the folder one is in, and knows `~` where no shell does.

    Parameters
    ----------
    is_file : a name that ends like a folder is refused
    may_be_remote : s3://bucket/name and the like become a RemotePath
    """

    def __init__(self, *, is_file: bool = False, may_be_remote: bool = False) -> None:
        super().__init__(path_type=Path)
        self._is_file = is_file
        self._may_be_remote = may_be_remote

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not isinstance(value, str):
            return super().convert(value, param, ctx)
        if not value.strip():
            self.fail("the path is empty; write a dot for the folder you are in", param, ctx)
        if self._is_file and value.endswith(("/", os.sep)):
            self.fail(f"{value!r} ends like a folder; give the name of a file", param, ctx)
        if _ADDRESS.match(value):
            return self._remote(value, param, ctx)
        if value.startswith("~") and not os.path.lexists(value):
            value = os.path.expanduser(value)  # noqa: PTH111 (of an unknown user it stays)
        return super().convert(value, param, ctx)

    def _remote(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from defectory.domain import ParameterError
        from defectory.remote import RemotePath

        try:
            path = RemotePath(value)
        except ParameterError as error:
            self.fail(str(error), param, ctx)
        if not self._may_be_remote:
            self.fail(f"{path} is remote; here it has to be on this machine", param, ctx)
        return path


ANY_PATH = _TypedPath()
FILE_TO_WRITE = _TypedPath(is_file=True)
ANY_PLACE = _TypedPath(may_be_remote=True)
PLACE_TO_WRITE = _TypedPath(is_file=True, may_be_remote=True)
