"""A folder that is filled item by item, and where an interrupted run goes on."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from defectory.domain import OutputError
from defectory.storage.checks import Say, check_outputs
from defectory.storage.leftovers import Lock, make_part, remove, remove_leftovers, take_lock
from defectory.storage.markers import Content
from defectory.storage.outputs import OutputFolder, cannot_write
from defectory.storage.renames import rename_new
from defectory.storage.transactions import Placement, commit, made_parents
from defectory.storage.work_folders import (
    RESULT_NAME,
    Files,
    Journal,
    Row,
    clear_result,
    read_work_marker,
    write_work_marker,
)


class GrowingFolder:
    """What `resumable_folder` gives.

    Attributes
    ----------
    n_done : items that are done, by this run or an interrupted one; go on with the next
    """

    def __init__(self, result: Path, journal: Journal) -> None:
        self._result = result
        self._journal = journal

    @property
    def n_done(self) -> int:
        """Number of rows on disk."""
        return self._journal.n_done

    def write(self, name: str, content: bytes) -> Content:
        """Write a planned file; return what to give to `append` with its row. Threads may call it."""
        path = self.path(name)
        path.write_bytes(content)
        return Content(len(content), hashlib.sha256(content).hexdigest())

    def path(self, name: str) -> Path:
        """Return where a planned file is to be written; the folders above are there."""
        path = self._result / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def append(self, row: Row, files: Files | None = None) -> None:
        """Keep the row of the next item, JSON-ready, and say which files belong to it."""
        self._journal.append(row, files)

    def rows(self, order: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield rows from the disk, all as they came or those of `order`; may be called more than once."""
        return self._journal.rows(order)


@contextmanager
def resumable_folder(
    output: OutputFolder,
    *,
    run: str,
    keys: Sequence[str],
    files: Sequence[str],
    say: Say,
    overwrite: bool = False,
) -> Iterator[GrowingFolder]:
    """Give a folder to fill item by item; it takes its place when the block is done.

    Parameters
    ----------
    output : resumable
    run : what tells this work from other work: a hash of all that decides the rows, but for the items
    keys : of all items, in order; a key tells an item, and whether it has changed since
    files : every file that is written, below the folder, with forward slashes
    say : told what was taken over or discarded

    Raises
    ------
    OutputError : something is in the way, cannot be written, or another run is writing it.

    Notes
    -----
    Where the block raises (the error gets a note that says so) or the process is killed, the rows so far
    stay in `out.unfinished`. The next run
    of the same name takes them over, up to the first whose item or files have changed.
    """
    check_outputs([output], overwrite=overwrite)
    with made_parents([output]):
        try:
            remove_leftovers(output.target)
            lock = _open(output, run, files, say)
            with _keeping(output, lock, keys, say) as (folder, placement):
                yield folder
                commit([placement], overwrite=overwrite)
        except OSError as error:
            raise cannot_write(output.path, error) from error


@contextmanager
def _keeping(
    output: OutputFolder, lock: Lock, keys: Sequence[str], say: Say
) -> Iterator[tuple[GrowingFolder, Placement]]:
    """Give the folder and its way to its place; afterwards keep the rows where the work is not done."""
    work = output.work_folder
    placement = Placement(output, work / RESULT_NAME)
    try:
        journal = Journal(work, keys)
    except OSError:
        lock.release()
        raise
    is_done = False
    try:
        if journal.n_done:
            say(f"going on after {journal.n_done:,} of {len(keys):,} images")
        yield GrowingFolder(work / RESULT_NAME, journal), placement
        is_done = True
    except BaseException as error:
        if journal.n_done:
            error.add_note(
                f"{journal.n_done:,} of {len(keys):,} images are done and kept in {work.name}: "
                "run the same command again to go on"
            )
        raise
    finally:
        journal.close()
        if is_done:
            placement.discard()
        placement.release()
        if is_done or not journal.n_done:
            _drop(output, work)
        lock.release()


def _open(output: OutputFolder, run: str, files: Sequence[str], say: Say) -> Lock:
    """Make the work folder, or take over what an interrupted run has left; return the lock on it."""
    work = output.work_folder
    if os.path.lexists(work):
        lock = take_lock(work)
        if lock is None:
            raise OutputError(f"another run is writing {output.path}; wait until it is done")
        if read_work_marker(work).run == run:
            (work / RESULT_NAME).mkdir(exist_ok=True)
            clear_result(work / RESULT_NAME, files)
            write_work_marker(work, output.writer, run, files)
            return lock
        say(f"discarding {work.name}, left by a run with another bundle or other settings")
        _drop(output, work)
        lock.release()
    part, lock = make_part(output.target, is_folder=True)
    write_work_marker(part, output.writer, run, files)
    (part / RESULT_NAME).mkdir()
    rename_new(part, work)
    return lock


def _drop(output: OutputFolder, work: Path) -> None:
    """Remove a work folder, in one step for those who look at its name."""
    part, lock = make_part(output.target, is_folder=True)
    try:
        work.rename(part / work.name)
    finally:
        remove(part)
        lock.release()
