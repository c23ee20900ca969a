"""What lies in the cache folder, and what of it is removed: only files that are ours by place and name."""

import os
import re
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from os import stat_result
from pathlib import Path

from defectory.backbones.feature_cache import DEFAULT_CACHE_BYTES
from defectory.domain import OutputError, ParameterError
from defectory.machine.cache_folder import user_cache_folder
from defectory.remote.copies import FOLDER


@dataclass(frozen=True)
class _Kind:
    folder: str
    depth: int | None  # folders between that folder and its files; None: any
    names: re.Pattern[str]


# A killed process leaves files of a temporary name, which begins with a dot.
_KINDS = {
    "features": _Kind(
        "features", 1, re.compile(r"[0-9a-f]{64}\.features|\..*\.features\..*\.part")
    ),
    "backbones": _Kind("backbones", 0, re.compile(r".+\.(onnx|json)|\..+\.(onnx|json)\..*\.part")),
    "training": _Kind("training", 0, re.compile(r".+\.checkpoint|\..+\.checkpoint\..*\.part")),
    "remote": _Kind(FOLDER, None, re.compile(r".*", re.DOTALL)),
}
CACHE_KINDS = tuple(_KINDS)
"""Features of images, backbones converted to ONNX, checkpoints of interrupted training, and copies of
what lies in stores."""


@dataclass(frozen=True)
class KindUsage:
    """What lies there of one kind.

    Attributes
    ----------
    kind : of CACHE_KINDS
    n_files, n_bytes : how many, how large
    max_bytes : bound that is kept, or None
    oldest_s, newest_s : ages, by when a file was last used (features) or written; 0 without files
    """

    kind: str
    n_files: int
    n_bytes: int
    max_bytes: int | None
    oldest_s: float
    newest_s: float


@dataclass(frozen=True)
class CacheUsage:
    """What lies in the cache folder."""

    folder: Path
    kinds: tuple[KindUsage, ...]

    @property
    def n_bytes(self) -> int:
        """The size of all."""
        return sum(kind.n_bytes for kind in self.kinds)


@dataclass(frozen=True)
class Cleared:
    """What `clear_cache` removed, and how many files it could not remove."""

    n_files: int
    n_bytes: int
    n_kept: int


def describe_cache() -> CacheUsage:
    """Return what lies in the cache folder; a folder that is missing or cannot be read is empty."""
    folder, now = user_cache_folder(), time.time()
    kinds = []
    for name, kind in _KINDS.items():
        files = [status for _, status in _files(folder, kind)]
        ages = [max(0.0, now - status.st_mtime) for status in files]
        kinds.append(
            KindUsage(
                kind=name,
                n_files=len(files),
                n_bytes=sum(status.st_size for status in files),
                max_bytes=DEFAULT_CACHE_BYTES if name == "features" else None,
                oldest_s=max(ages, default=0.0),
                newest_s=min(ages, default=0.0),
            )
        )
    return CacheUsage(folder, tuple(kinds))


def clear_cache(
    kinds: Collection[str] = CACHE_KINDS, *, older_than_s: float | None = None
) -> Cleared:
    """Remove our own files of the cache folder; links are never followed, foreign files never touched.

    Parameters
    ----------
    kinds : of CACHE_KINDS
    older_than_s : >= 0, only files last used or written so long ago; None for all

    Raises
    ------
    ParameterError : there is no such kind.
    OutputError : nothing could be removed.
    """
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown:
        raise ParameterError(
            f"the cache holds no {unknown[0]!r}; it holds {', '.join(CACHE_KINDS)}"
        )
    folder, now = user_cache_folder(), time.time()
    n_files = n_bytes = n_kept = 0
    reason = ""
    for name in CACHE_KINDS:
        if name not in kinds:
            continue
        for path, status in _files(folder, _KINDS[name]):
            if older_than_s is not None and now - status.st_mtime < older_than_s:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                n_kept, reason = n_kept + 1, error.strerror or str(error)
                continue
            n_files, n_bytes = n_files + 1, n_bytes + status.st_size
        _remove_empty(folder / _KINDS[name].folder)
    if n_kept and not n_files:
        raise OutputError(f"cannot remove anything from {folder}: {reason}")
    return Cleared(n_files, n_bytes, n_kept)


def _files(cache: Path, kind: _Kind) -> Iterator[tuple[Path, stat_result]]:
    """Yield the files of a kind with what is known of them; nothing behind a link."""
    folders = [cache / kind.folder]
    if kind.depth is None:
        folders += [] if folders[0].is_symlink() else _below(folders[0])
    for _ in range(kind.depth or 0):
        folders = [
            inner for folder in folders if not folder.is_symlink() for inner in _entries(folder)
        ]
    for folder in folders:
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in _entries(folder):
            with suppress(OSError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and kind.names.fullmatch(path.name):
                    yield path, status


def _below(folder: Path) -> list[Path]:
    """Return all folders below a folder, the deepest first; none behind links."""
    return [Path(path) for path, _, _ in os.walk(folder, topdown=False) if Path(path) != folder]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _remove_empty(folder: Path) -> None:
    if folder.is_symlink():
        return
    for inner in [*_below(folder), folder]:
        if not inner.is_symlink() and inner.is_dir():
            with suppress(OSError):  # not empty, or not ours
                inner.rmdir()
