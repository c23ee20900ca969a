"""Paths as people type them."""

import os
from pathlib import Path
from typing import Any

import click


class _TypedPath(click.Path):
    """Refuses an empty path, which would mean the folder one is in, and knows `~` where no shell does."""

    def __init__(self, *, is_file: bool = False) -> None:
        super().__init__(path_type=Path)
        self._is_file = is_file

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not isinstance(value, str):
            return super().convert(value, param, ctx)
        if not value.strip():
            self.fail("the path is empty; write a dot for the folder you are in", param, ctx)
        if self._is_file and value.endswith(("/", os.sep)):
            self.fail(f"{value!r} ends like a folder; give the name of a file", param, ctx)
        if value.startswith("~") and not os.path.lexists(value):
            value = os.path.expanduser(value)  # noqa: PTH111 (of an unknown user it stays)
        return super().convert(value, param, ctx)


ANY_PATH = _TypedPath()
FILE_TO_WRITE = _TypedPath(is_file=True)
