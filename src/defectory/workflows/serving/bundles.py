"""Bundles that are served: names, versions, files, and whether a file has changed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defectory.domain import ParameterError
from defectory.workflows.calibrated import CalibratedDetector, load_hashed
from defectory.workflows.heat_scale import heat_scale_of

SUFFIX = ".defectory"
"""Of the files that are served of a folder."""

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_LABEL = re.compile(rf"(?P<name>{_WORD})(?:@(?P<version>{_WORD}))?")
_N_DIGITS = 12

Signature = tuple[int, int, int, int]
"""Changes when a file does: device, inode, size, time."""


@dataclass(frozen=True)
class NamedFile:
    """A bundle's file, and what it is served as.

    Attributes
    ----------
    name : that requests ask for
    version : as told; "" for the first digits of the hash of what the file holds
    path : of the file
    """

    name: str
    version: str
    path: Path

    @property
    def label(self) -> str:
        """Name, and version where one was told."""
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, eq=False)
class ServedBundle:
    """A bundle that is loaded.

    Attributes
    ----------
    name, version : what it is served as
    path : of its file
    sha256 : of the file's content, hex digits
    signature : of the file before it was read; None where there was none yet
    model : with its threshold
    """

    name: str
    version: str
    path: Path
    sha256: str
    signature: Signature | None
    model: CalibratedDetector = field(repr=False)

    @property
    def label(self) -> str:
        """Name and version, as in a journal."""
        return f"{self.name}@{self.version}"


def find_bundles(given: Sequence[str]) -> list[NamedFile]:
    """Return the files that are meant, in the order given.

    Parameters
    ----------
    given : each `PATH`, `NAME=PATH` or `NAME@VERSION=PATH`; of a folder, all its files that end in
        `.defectory`, by name. A file without a name is served as what it is called: `NAME.defectory` or
        `NAME@VERSION.defectory`

    Raises
    ------
    ParameterError : a name that cannot be asked for, one twice, or a folder without a bundle.
    """
    found = [named for text in given for named in _meant(text)]
    labels: dict[str, Path] = {}
    for named in found:
        if named.label in labels:
            raise ParameterError(
                f"{labels[named.label]} and {named.path} would both be served as {named.label}; give names: "
                "NAME=PATH or NAME@VERSION=PATH"
            )
        labels[named.label] = named.path
    return found


def load_served(named: NamedFile) -> ServedBundle:
    """Return a bundle, loaded and checked, and all that its first image would have waited for.

    Raises
    ------
    BundleError, PluginError : see `load_hashed`.
    """
    before = signature_of(named.path)
    model, digest = load_hashed(named.path)
    _ = model.pixel_threshold, model.p_values, heat_scale_of(model)
    version = named.version or digest[:_N_DIGITS]
    return ServedBundle(named.name, version, named.path, digest, before, model)


def signature_of(path: Path) -> Signature | None:
    """Return what changes when the file does; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _meant(text: str) -> Iterator[NamedFile]:
    label, separator, path = text.partition("=")
    if separator and not Path(text).exists() and _LABEL.fullmatch(label):
        if Path(path).is_dir():
            raise ParameterError(f"{path} is a folder, whose bundles have names of their own")
        yield _named(label, Path(path))
    elif Path(text).is_dir():
        yield from _of_folder(Path(text))
    else:
        yield _named(_stem(Path(text)), Path(text))


def _of_folder(folder: Path) -> Iterable[NamedFile]:
    try:
        paths = sorted(path for path in folder.iterdir() if is_of_folder(path))
    except OSError as error:
        raise ParameterError(f"cannot read {folder}: {error.strerror or error}") from error
    if not paths:
        raise ParameterError(f"{folder} holds no bundle: no file that ends in {SUFFIX}")
    return [_named(_stem(path), path) for path in paths]


def is_of_folder(path: Path) -> bool:
    """Return whether a file of a folder is served: hidden ones are still being written."""
    return path.name.endswith(SUFFIX) and not path.name.startswith(".") and path.is_file()


def _stem(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def _named(label: str, path: Path) -> NamedFile:
    match = _LABEL.fullmatch(label)
    if match is None:
        raise ParameterError(
            f"{path} cannot be served as {label!r}: a name has up to 100 letters, digits, dots, - and _; "
            "give one: NAME=PATH"
        )
    return NamedFile(match["name"], match["version"] or "", path)
