"""The one way in which a command writes: under temporary names; complete outputs then take their places.

All outputs of one command do so, or none of them.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from defectory.domain import OutputError
from defectory.storage.checks import check_outputs
from defectory.storage.leftovers import (
    Lock,
    make_part,
    name_for_old,
    remove,
    remove_leftovers,
    take_lock,
)
from defectory.storage.markers import find_foreign, read_marker, seal_folder
from defectory.storage.outputs import FileKind, Output, OutputFile, OutputFolder, cannot_write
from defectory.storage.renames import exchange, held_signals, rename_new, sync_file, sync_folder

_Undo = Callable[[], object]


@contextmanager
def write_outputs(
    outputs: Sequence[Output], *, overwrite: bool = False
) -> Iterator[tuple[Path, ...]]:
    """Give a temporary file or folder for each output; they take their places together at the end.

    Parameters
    ----------
    outputs : all that the command writes; missing folders above are made
    overwrite : replace what we wrote earlier

    Yields
    ------
    paths, parallel to the outputs: empty files to write into, and empty folders. A file that the block
    removes says that there is to be none: one of an earlier run goes.

    Raises
    ------
    OutputError : something is in the way, or cannot be written. Nothing has changed then.

    Notes
    -----
    At any moment, whatever kills the process, old or new is there and whole. Where the block raises, what was
    there stays. What a killed process leaves lies under hidden names that the next run removes.
    """
    check_outputs(outputs, overwrite=overwrite)
    placements: list[Placement] = []
    with made_parents(outputs):
        try:
            for output in outputs:
                remove_leftovers(output.target)
                is_folder = isinstance(output, OutputFolder)
                with held_signals():  # what is made is known, and goes when a signal ends the work
                    part, lock = make_part(output.target, is_folder=is_folder)
                    placements.append(Placement(output, part, lock))
            yield tuple(placement.part for placement in placements)
            commit(placements, overwrite=overwrite)
        except OSError as error:
            raise cannot_write(_find_output(outputs, placements, error).path, error) from error
        finally:
            with held_signals():
                for placement in placements:
                    placement.discard()


def write_file(path: Path, content: bytes, kind: FileKind, *, overwrite: bool = False) -> None:
    """Write one file whole or not at all; OutputError where that fails. See `write_outputs`."""
    with write_outputs([OutputFile(path, kind)], overwrite=overwrite) as (part,):
        part.write_bytes(content)


@contextmanager
def made_parents(outputs: Sequence[Output]) -> Iterator[None]:
    """Make the folders above outputs, and remove them again where the block raises and they are empty."""
    made: list[Path] = []
    try:
        for output in outputs:
            parent = output.target.parent
            missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
            for folder in reversed(missing):
                made.append(folder)  # before it is: a signal may come right after
                try:
                    folder.mkdir(exist_ok=True)
                except OSError as error:
                    raise cannot_write(output.path, error) from error
        yield
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


class Placement:
    """One output under its temporary name, on its way to its place.

    Parameters
    ----------
    output : what it becomes
    part : the temporary file or folder; one that its writer has removed says that there is to be none,
        and that one of an earlier run goes
    lock : on the part
    """

    def __init__(self, output: Output, part: Path, lock: Lock | None = None) -> None:
        self.output = output
        self.part = part
        self._locks = [lock] if lock else []
        self._old: Path | None = None
        self._undo: _Undo | None = None

    def seal(self) -> None:
        """Return when the part is complete and on the disk; a folder gets its marker."""
        if isinstance(self.output, OutputFolder):
            seal_folder(self.part, self.output.writer)
        elif self.part.exists():
            sync_file(self.part)

    def check(self, *, overwrite: bool) -> None:
        """Look again whether the place is free or ours: work may have taken hours; OutputError."""
        if self.output.exists:
            if not overwrite:
                raise OutputError(f"{self.output.path} has come to exist meanwhile; it stays")
            self.output.check_replaceable()

    def place(self) -> None:
        """Take the place; where that fails, all is as it was."""
        target, part = self.output.target, self.part
        if not os.path.lexists(target):
            if part.exists():
                rename_new(part, target)
                self._undo = lambda: target.rename(part)
            return
        lock = take_lock(target)  # or another run would take what is moved away for a leftover
        if lock is not None:
            self._locks.append(lock)
        if not part.exists():
            self._move_away()
        elif exchange(part, target):
            self._undo = lambda: exchange(part, target)
            self._check_replaced()
        elif part.is_dir():
            self._move_away()
            self._follow()
        else:
            self._replace_file()

    def restore(self) -> None:
        """Give the place back to what was there."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    @property
    def is_disposable(self) -> bool:
        """Whether what lies under temporary names is of no use to anybody."""
        return self._undo is None

    def accept(self) -> None:
        """Let what was replaced be of no use from now on; OSError as it comes."""
        if self._old is not None and not os.path.lexists(self.output.target):
            self._old.rename(self.part)  # a killed run's file that was to go must not be put back
        self._undo = None

    def discard(self) -> None:
        """Remove what lies under temporary names, unless it is what a failed `restore` left there."""
        if self.is_disposable:
            remove(self.part)
            if self._old is not None:
                remove(self._old)
        self.release()

    def release(self) -> None:
        """Let go of the locks."""
        for lock in self._locks:
            lock.release()

    def _move_away(self) -> None:
        target, old = self.output.target, name_for_old(self.output.target)
        target.rename(old)
        self._old, self._undo = old, lambda: rename_new(old, target)

    def _follow(self) -> None:
        """Take the place of a folder that was moved away."""
        target, part, put_back = self.output.target, self.part, self._undo
        try:
            rename_new(part, target)
        except OSError:
            self.restore()
            raise
        self._undo = lambda: (target.rename(part), put_back() if put_back else None)

    def _replace_file(self) -> None:
        target, old = self.output.target, name_for_old(self.output.target)
        self._old = old
        try:
            old.hardlink_to(target)
        except (OSError, NotImplementedError):
            shutil.copy2(target, old)
        self.part.replace(target)
        self._undo = lambda: old.replace(target)

    def _check_replaced(self) -> None:
        """Put the old folder back where something came into it in the last moment."""
        if not isinstance(self.output, OutputFolder):
            return
        marker = read_marker(self.part)
        is_ours = (
            not find_foreign(self.part, marker, look_inside=False)
            if marker
            else not any(self.part.iterdir())
        )
        if not is_ours:
            self.restore()
            raise OutputError(f"something was put into {self.output.path} meanwhile; it stays")


def commit(placements: Sequence[Placement], *, overwrite: bool) -> None:
    """Let complete outputs take their places, all of them or, where one cannot, none.

    Raises
    ------
    OutputError : a place was taken by something else meanwhile.
    OSError : as it comes.
    """
    for placement in placements:
        placement.seal()
    for placement in placements:
        placement.check(overwrite=overwrite)
    with held_signals():
        try:
            for placement in placements:
                placement.place()
            for folder in {placement.output.target.parent for placement in placements}:
                sync_folder(folder)
            for placement in placements:
                placement.accept()
        except BaseException:
            for placement in reversed(placements):
                with contextlib.suppress(OSError):  # the first error is the one to tell
                    placement.restore()
            raise


def _find_output(
    outputs: Sequence[Output], placements: Sequence[Placement], error: OSError
) -> Output:
    """Return which output an error is about: the first, where it does not say."""
    name = str(error.filename or "")
    for placement in placements:
        if name.startswith(str(placement.part)):
            return placement.output
    return outputs[0]
