"""The folder that all shards of a collection share: made by whoever comes first, checked by all."""

import contextlib
import shlex
from collections.abc import Sequence
from pathlib import Path

from defectory.domain import OutputError
from defectory.remote import Place, RemotePath
from defectory.storage import OutputFolder, check_outputs
from defectory.storage.leftovers import make_part, remove, remove_leftovers
from defectory.storage.outputs import cannot_write
from defectory.storage.renames import rename_new, sync_file
from defectory.workflows.shards.membership import Shard
from defectory.workflows.shards.records import (
    BEGUN_NAME,
    Begun,
    ChunkMarker,
    Run,
    as_json,
    read_record,
    write_record,
)


class _SharedFolder(OutputFolder):
    """Is ours, and goes on, where it holds shards."""

    def check_replaceable(self) -> str:
        """Return what is there; see Output."""
        if read_record(self.target / BEGUN_NAME, Begun) is not None or holds_shards(self.target):
            return "a folder of shards"
        try:
            names = sorted(path.name for path in self.target.iterdir() if path.name[0] != ".")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if names:
            raise OutputError(
                f"{self.path} holds what is no shard ({names[0]}); it stays: choose another folder"
            )
        return "an empty folder"


def open_place(folder: Place, begun: Begun, inputs: Sequence[Place]) -> None:
    """Make the folder, or go on with it.

    Raises
    ------
    OutputError : it is, holds or lies in what is read, cannot be written, holds something else, or shards of
        another bundle, promise, number or version.
    """
    try:
        if isinstance(folder, RemotePath):
            _make_remote(folder, begun, inputs)
            target: Place = folder
        else:
            target = _make(folder, begun, inputs)
    except OSError as error:
        raise cannot_write(folder, error) from error
    known = read_record(target / BEGUN_NAME, Begun)
    if known is None:
        raise OutputError(f"cannot write {folder}: {BEGUN_NAME} in it is damaged")
    if known.run != begun.run:
        raise OutputError(
            f"{folder} holds shards {explain_difference(known.run, begun.run)}; choose another folder"
        )


def holds_shards(folder: Place) -> bool:
    """Return whether rows of a shard are there, be it without the file that says of which run.

    Not asked of stores, which write an object whole.
    """
    if isinstance(folder, RemotePath):
        return False
    markers = folder.glob("shard-*-of-*/chunk-*.json")
    return any(read_record(path, ChunkMarker) is not None for path in markers)


def shards_begun(folder: Path) -> int | None:
    """Return in how many shards the folder holds a collection; None where it holds none."""
    known = read_record(folder / BEGUN_NAME, Begun)
    return None if known is None else known.run.n_shards


def explain_difference(known: Run, run: Run) -> str:
    """Return how a run differs from another, such as "of another bundle"; they do differ."""
    if known.bundle != run.bundle:
        return "of another bundle"
    if known.promise != run.promise:
        return "of another promise"
    if known.n_shards != run.n_shards:
        return f"of a collection in {known.n_shards} shards, not {run.n_shards}"
    if known.chunk_size != run.chunk_size:
        return f"with {known.chunk_size} images a file, not {run.chunk_size} (--chunk-size)"
    return f"of defectory {known.version}, and this is {run.version}"


def command_for(begun: Begun, shard: Shard, folder: Place) -> str:
    """Return the command that makes a shard."""
    words = ["defectory", "score", *begun.arguments, "--shard", str(shard), "-o", str(folder)]
    return shlex.join(words)


def _make(folder: Path, begun: Begun, inputs: Sequence[Place]) -> Path:
    output = _SharedFolder(folder, "score --shard")
    here = [path for path in inputs if isinstance(path, Path)]
    check_outputs([output], inputs=here, overwrite=True)
    remove_leftovers(output.target)
    known = read_record(output.target / BEGUN_NAME, Begun) or _begin(output, begun)
    if known is None and holds_shards(output.target):  # torn, say by a loss of power
        write_record(begun, output.target / BEGUN_NAME)
    return output.target


def _make_remote(folder: RemotePath, begun: Begun, inputs: Sequence[Place]) -> None:
    """Say in a store what a folder is for; of two who do so at once both say the same, or one is refused."""
    folder.check_writable()
    for path in inputs:
        if f"{path}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/"):
            raise OutputError(
                f"{folder} is, holds or lies in {path}, which is read; choose another"
            )
    if read_record(folder / BEGUN_NAME, Begun) is not None:
        return
    first = next((name for name, _ in folder.walk() if name[0] != "."), None)
    if first is not None:
        raise OutputError(
            f"{folder} holds what is no shard ({first}); it stays: choose another folder"
        )
    write_record(begun, folder / BEGUN_NAME)


def _begin(output: OutputFolder, begun: Begun) -> Begun | None:
    """Say what the folder is for, in one step for those who look; nothing where another was faster.

    Returns
    -------
    What the folder is for now; None where what says so is damaged.
    """
    target = output.target
    target.parent.mkdir(parents=True, exist_ok=True)
    part, lock = make_part(target, is_folder=True)
    try:
        (part / BEGUN_NAME).write_bytes(as_json(begun))
        sync_file(part / BEGUN_NAME)
        with contextlib.suppress(FileExistsError):
            try:
                rename_new(part, target)
            except OSError:
                if not target.is_dir():
                    raise
                rename_new(part / BEGUN_NAME, target / BEGUN_NAME)
    finally:
        remove(part)
        lock.release()
    return read_record(target / BEGUN_NAME, Begun)
