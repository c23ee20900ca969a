"""The one way in which a command writes: under temporary names, then all at once."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from defectory.storage.checks import check_outputs
from defectory.storage.leftovers import make_part, remove_leftovers
from defectory.storage.outputs import FileKind, Output, OutputFile, OutputFolder, cannot_write
from defectory.storage.placement import Placement, commit
from defectory.storage.signals import held_signals


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


def _find_output(
    outputs: Sequence[Output], placements: Sequence[Placement], error: OSError
) -> Output:
    """Return which output an error is about: the first, where it does not say."""
    name = str(error.filename or "")
    for placement in placements:
        if name.startswith(str(placement.part)):
            return placement.output
    return outputs[0]
