"""Where a watch keeps its results: beside the watched folder, never in it."""

from dataclasses import dataclass
from pathlib import Path

from defectory.domain import OutputError, ParameterError
from defectory.storage import OutputFolder, check_outputs
from defectory.storage.leftovers import Lock, take_lock
from defectory.storage.outputs import cannot_write
from defectory.storage.renames import sync_folder
from defectory.workflows.watching.tables import DATABASE, is_watch


@dataclass(frozen=True)
class _WatchFolder(OutputFolder):
    """A folder where a watch goes on."""

    def check_replaceable(self) -> str:
        if (self.target / DATABASE).exists() and is_watch(self.target):
            return "a watch"
        return super().check_replaceable()


def check_place(output: Path, folder: Path, bundle: Path) -> None:
    """Refuse a place for results that is no good one; the watched folder may be away.

    Raises
    ------
    OutputError : it is, contains or lies in the folder, holds something else, or cannot be written.
    ParameterError : the folder is a file.
    """
    if folder.is_file():
        raise ParameterError(f"{folder} is a file: FOLDER comes first, then BUNDLE")
    here, there = output.absolute().resolve(), folder.absolute().resolve()
    if here == there or here in there.parents or there in here.parents:
        raise OutputError(
            f"of {output} and {folder}, which is watched, one is or lies in the other; choose a place beside"
        )
    check_outputs([_WatchFolder(output, "watch")], inputs=[folder, bundle], overwrite=True)


def take_place(output: Path) -> Lock:
    """Make the folder where it is missing, and return the lock on it.

    Raises
    ------
    OutputError : it cannot be made, or another process watches with it.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        sync_folder(output.resolve().parent)
    except OSError as error:
        raise cannot_write(output, error) from error
    lock = take_lock(output.resolve())
    if lock is None:
        raise OutputError(
            f"another process keeps its results in {output}; one folder is for one watch"
        )
    return lock
