"""A part of a command's work in another process, maybe of another machine, as if it were done in its own."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from defectory.domain import DefectoryError, OutputError, Progress
from defectory.machine import at_most_cores
from defectory.storage.outputs import cannot_write

Work = Callable[..., object]
"""Takes a part, and `progress`, which it tells its steps."""


class ElsewhereError(DefectoryError):
    """What went wrong in another process, and on which machine; it can be pickled, as others cannot."""


@dataclass(frozen=True)
class Elsewhere:
    """What another process has to know of a command; can be pickled.

    Attributes
    ----------
    here : the folder in which the command was given; paths are relative to it
    mark : a file in the folder that all share
    n_threads : images in work at once
    """

    here: Path
    mark: Path
    n_threads: int

    def run(self, work: Work, part: Any, progress: Progress) -> None:
        """Do a part of the work; ElsewhereError where a user can act on what went wrong."""
        try:
            with suppress(OSError):  # then relative paths are not there, nor is the mark
                os.chdir(self.here)
            if not self.mark.exists():
                raise OutputError(
                    f"{self.mark.parent} is not there, or another folder than where the command runs: put it "
                    "on storage that all machines share"
                )
            with at_most_cores(self.n_threads):
                work(part, progress=progress)
        except DefectoryError as error:
            told = "; ".join((str(error), *getattr(error, "__notes__", ())))
            raise ElsewhereError(f"on {socket.gethostname()}: {told}") from error


@contextmanager
def shared_with_others(folder: Path, n_threads: int) -> Iterator[Elsewhere]:
    """Give what other processes have to know while the context lasts.

    Parameters
    ----------
    folder : that all machines share, and in which a hidden file lies meanwhile; it is made

    Raises
    ------
    OutputError : the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mark = NamedTemporaryFile(prefix=".shared-", dir=folder)  # noqa: SIM115
    except OSError as error:
        raise cannot_write(folder, error) from error
    with mark:
        yield Elsewhere(Path.cwd(), Path(mark.name), n_threads)
