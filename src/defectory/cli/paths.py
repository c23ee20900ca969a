"""Paths as people type them, on this machine or, where a command can, in an object store."""

import os
import re
from pathlib import Path
from typing import Any

import click

# as in `remote.addresses`, which is not imported before something is remote; one letter is a drive of Windows
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


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
