"""What a command is going to write, and what of it may be replaced."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from defectory.domain import OutputError
from defectory.storage.leftovers import short_name
from defectory.storage.markers import Marker, find_foreign, read_marker
from defectory.storage.work_folders import read_work_marker


@dataclass(frozen=True)
class FileKind:
    """A format of ours.

    Attributes
    ----------
    name : with an article, as in "a bundle"
    is_ours : whether a file (there is one) is recognizably of this kind and was written by us; may raise
        OSError and ValueError, which say that it is not
    """

    name: str
    is_ours: Callable[[Path], bool] = field(repr=False)


@dataclass(frozen=True)
class Output:
    """A file or folder to write.

    Attributes
    ----------
    path : as the user gave it; messages name it so
    """

    path: Path

    @cached_property
    def target(self) -> Path:
        """The absolute path, without links in the folders above.

        Raises
        ------
        OutputError : no path that could ever be written.
        """
        path = Path(self.path)
        if not str(self.path):
            raise OutputError("the output has an empty name; give a file or folder to write")
        try:
            os.lstat(path)
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            pass  # said of the parent, later
        except (OSError, ValueError) as error:
            raise cannot_write(self.path, error) from error
        try:
            if path.name in ("", ".."):
                return path.resolve()
            return path.parent.resolve() / path.name
        except (OSError, RuntimeError) as error:  # links in a circle
            raise cannot_write(self.path, error) from error

    @property
    def exists(self) -> bool:
        """Whether anything is there; a link that leads nowhere counts."""
        return os.path.lexists(self.target)

    def places(self) -> Iterator[tuple[Path, Path]]:
        """Yield everything that is written, and what a message calls it."""
        yield self.target, self.path

    def check_work(self) -> None:
        """Refuse what lies where unfinished work would; OutputError."""

    def check_replaceable(self) -> str:
        """Return what is there and would be replaced, for a person to read.

        Raises
        ------
        OutputError : it is not ours.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class OutputFile(Output):
    """A file to write.

    Attributes
    ----------
    kind : only a file of this kind is replaced
    """

    kind: FileKind

    def check_replaceable(self) -> str:
        """Return "a bundle"; see Output."""
        try:
            if self.target.stat().st_size == 0:
                return "an empty file"
            is_ours = self.kind.is_ours(self.target)
        except (OSError, ValueError, RecursionError):
            is_ours = False
        if not is_ours:
            raise OutputError(
                f"{self.path} exists and is not {self.kind.name} that defectory wrote; "
                "it stays: choose another name"
            )
        return self.kind.name


@dataclass(frozen=True)
class OutputFolder(Output):
    """A folder to write.

    Attributes
    ----------
    writer : the command, for the marker
    is_resumable : it is filled in a work folder beside it, where an interrupted run goes on
    """

    writer: str
    is_resumable: bool = False

    @cached_property
    def work_folder(self) -> Path:
        """Where work that can go on after an interruption lies until it is done: beside the output."""
        return self.target.with_name(f"{short_name(self.target)}.unfinished")

    def places(self) -> Iterator[tuple[Path, Path]]:
        """Yield the folder, and the work folder beside it; see Output."""
        yield from super().places()
        if self.is_resumable:
            yield self.work_folder, self.work_folder

    def check_work(self) -> None:
        """Refuse what is no work folder of ours where one would be; OutputError."""
        if self.is_resumable and os.path.lexists(self.work_folder):
            read_work_marker(self.work_folder)

    def check_replaceable(self) -> str:
        """Return "a folder that `defectory score` wrote, of 12 files"; see Output."""
        marker = read_marker(self.target)
        if marker is None:
            return self._check_empty()
        if marker.run:
            raise OutputError(
                f"{self.path} is the work folder of an unfinished run; choose another name"
            )
        self._check_ours(marker)
        n_files = len(marker.files)
        counted = f"{n_files:,} file{'' if n_files == 1 else 's'}"
        return f"a folder that `defectory {marker.writer}` wrote, of {counted}"

    def _check_empty(self) -> str:
        try:
            entries = sorted(os.scandir(self.target), key=lambda entry: entry.name)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if entries:
            shown = entries[0].name + (f" and {len(entries) - 1:,} more" if entries[1:] else "")
            raise OutputError(
                f"{self.path} holds what defectory did not write ({shown}); it stays: "
                "choose another folder"
            )
        return "an empty folder"

    def _check_ours(self, marker: Marker) -> None:
        try:
            foreign = find_foreign(self.target, marker)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if foreign:
            raise OutputError(
                f"{self.path} holds what defectory did not write ({foreign}); it stays: "
                "move it away or choose another folder"
            )


def cannot_write(path: object, error: BaseException) -> OutputError:
    """Return the one line that is said where the system refuses to write."""
    reason = getattr(error, "strerror", None) or error
    said = OutputError(f"cannot write {path}: {reason}")
    for note in getattr(error, "__notes__", ()):
        said.add_note(note)
    return said
