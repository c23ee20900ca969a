"""Outputs are checked before work starts: what is there, whose it is, and that it is no input."""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from defectory.domain import OutputError
from defectory.storage.leftovers import recover
from defectory.storage.outputs import Output, OutputFile, OutputFolder, cannot_write
from defectory.storage.renames import held_signals

Say = Callable[[str], None]
"""Told what a person should know while work goes on."""

_Identity = tuple[int, int]

_SPECIAL = (
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def check_outputs(
    outputs: Sequence[Output],
    *,
    inputs: Iterable[Path | str] = (),
    overwrite: bool = False,
    say: Say | None = None,
) -> None:
    """Refuse outputs that cannot or must not be written; nothing on disk changes.

    Parameters
    ----------
    outputs : all that one command writes
    inputs : files and folders that it reads; those that are not there do not count
    overwrite : what we wrote earlier may be replaced
    say : told of each output that will be replaced: "replacing out, a folder that ..."

    Raises
    ------
    OutputError : an output is, contains or lies inside an input or another output; is the working
        directory, home, a mount point, a device; exists, and is not ours or may not be replaced; or cannot
        be written.

    Notes
    -----
    Paths are compared by what they name on disk, so that links and other
    spellings are seen through.
    """
    known = [_Input(Path(path)) for path in inputs]
    disk = _Disk()
    replaced = []
    for i, output in enumerate(outputs):
        _check_place(output, disk)
        for other in outputs[:i]:
            _check_apart(output, other)
        for place, name in output.places():
            _check_inputs(place, name, known, disk)
        recover(output.target)
        if output.exists:
            what = _check_existing(output)
            if not overwrite:
                raise OutputError(
                    f"{output.path} exists already; choose another name or add --overwrite"
                )
            replaced.append(f"replacing {output.path}, {what}")
        output.check_work()
        _check_writable(output)
    for line in replaced:
        if say is not None:
            say(line)


@dataclass(frozen=True)
class _Input:
    """Something that is read: its name, and what it is on disk (None: nothing)."""

    path: Path

    @cached_property
    def identity(self) -> _Identity | None:
        return identify(self.path)


class _Disk:
    """What paths name on disk; each folder is asked for once, though inputs may be many thousands."""

    def __init__(self) -> None:
        self._above: dict[Path, frozenset[_Identity]] = {}

    def is_inside(self, path: Path, folder: _Identity) -> bool:
        """Return whether what a path names, or the name itself, lies in a folder, at any depth."""
        if folder in self._identities_above(path.absolute().parent):
            return True
        return path.is_symlink() and folder in self._identities_above(path.resolve().parent)

    def _identities_above(self, folder: Path) -> frozenset[_Identity]:
        if folder not in self._above:
            places = (folder, *folder.parents, *folder.resolve().parents)
            self._above[folder] = frozenset(filter(None, map(identify, places)))
        return self._above[folder]


def identify(path: Path) -> _Identity | None:
    """Return device and number of what a path names, the same for all its names; None where nothing is."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _check_place(output: Output, disk: _Disk) -> None:
    """Refuse places that nobody means to give to a result."""
    target = output.target
    if target.is_symlink():
        raise OutputError(f"{output.path} is a link; give {target.resolve()} itself")
    identity = identify(target)
    if identity is None:
        return
    for path, what in ((_home(), "your home folder"), (_cwd(), "the working directory")):
        if path is None:
            continue
        if identity == identify(path):
            raise OutputError(f"{output.path} is {what}; choose a new name in it")
        if disk.is_inside(path, identity):
            raise OutputError(f"{output.path} contains {what}; choose another name")
    if target in _mount_points() or os.path.ismount(target):
        raise OutputError(f"{output.path} is a mount point; choose a new name in it")


def _check_apart(output: Output, other: Output) -> None:
    # two names that differ by case are one file on many disks
    one, two = (Path(str(each.target).casefold()) for each in (output, other))
    identity = identify(output.target)
    if one == two or (identity is not None and identity == identify(other.target)):
        raise OutputError(f"{output.path} and {other.path} are the same file; give two names")
    if one in two.parents or two in one.parents:
        raise OutputError(f"of {other.path} and {output.path}, one lies inside the other")


def _check_inputs(place: Path, name: Path, inputs: Sequence[_Input], disk: _Disk) -> None:
    here = identify(place)
    above = set(filter(None, map(identify, place.parents)))
    is_folder = place.is_dir()
    for known in inputs:
        if known.identity is None:
            continue
        if known.identity == here:
            raise OutputError(f"the output {name} is what this command reads; choose another name")
        if known.identity in above:
            raise OutputError(
                f"the output {name} lies inside the input {known.path}; choose a place outside"
            )
        if here and is_folder and disk.is_inside(known.path, here):
            raise OutputError(
                f"the output {name} contains the input {known.path}; choose another name"
            )


def _check_existing(output: Output) -> str:
    """Return what is there and may be replaced; OutputError where it is something else."""
    mode = output.target.lstat().st_mode
    for is_special, what in _SPECIAL:
        if is_special(mode):
            raise OutputError(f"{output.path} is {what}; choose another name")
    if isinstance(output, OutputFile) and stat.S_ISDIR(mode):
        raise OutputError(f"{output.path} is a folder; give the name of a file")
    if isinstance(output, OutputFolder) and not stat.S_ISDIR(mode):
        raise OutputError(f"{output.path} is a file; give the name of a folder")
    return output.check_replaceable()


def _check_writable(output: Output) -> None:
    """Refuse a place that takes no files: tried out, since permissions do not tell all."""
    missing: list[str] = []
    parent = output.target.parent
    while not os.path.lexists(parent):
        missing.append(parent.name)
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{parent} is no folder, so {output.path} cannot be written")
    try:
        for name in (*missing, output.target.name):  # a name may be too long for the file system
            with contextlib.suppress(FileNotFoundError):
                (parent / name).lstat()
        _try_out(parent)
    except OSError as error:
        raise cannot_write(output.path, error) from error


def _try_out(folder: Path) -> None:
    """Make and remove something in a folder; under one name, so that a killed process leaves it once."""
    probe = folder / ".defectory.probe"
    with held_signals():
        with contextlib.suppress(FileExistsError):
            probe.mkdir()
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            probe.rmdir()


def _cwd() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # removed meanwhile
        return None


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _mount_points() -> set[Path]:
    """Return where things are mounted, single files too, as far as the system tells."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return set()
    found = (line.split(b" ")[4] for line in lines if line.count(b" ") > 4)
    # spaces and the like are written as \040
    return {
        Path(os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), each)))
        for each in found
    }
