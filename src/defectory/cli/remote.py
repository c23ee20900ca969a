"""What lies in object stores, brought to commands that read and write files on this machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def brings(*names: str) -> Callable[[Command], Command]:
    """Give a command paths on this machine for parameters that may be remote; under `plain_errors`."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_files(*args: Any, **kwargs: Any) -> Any:
            given = {name: kwargs[name] for name in names}
            return command(*args, **{**kwargs, **_brought(given)})

        return with_files

    return decorate


def is_in_store(path: Any) -> bool:
    """Return whether something is remote, or a list of what is."""
    if not _may_be_remote(path):
        return False
    if not isinstance(path, Path):
        return True
    from defectory.workflows.remote_data import lists_addresses

    return lists_addresses(path)


def _brought(given: dict[str, Any]) -> dict[str, Any]:
    if not any(_may_be_remote(value) for value in given.values()):
        return given
    from defectory.cli.bars import Bars
    from defectory.workflows.remote_data import bring_here

    with Bars() as bars:
        return {name: bring_here(value, bars) for name, value in given.items()}


_LISTS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")


def _may_be_remote(value: Any) -> bool:
    """Return whether a value is remote, or a list that may have addresses in it."""
    if isinstance(value, Path):
        return value.suffix.lower() in _LISTS
    return value is not None


@contextmanager
def file_to_write(path: Any, *, beside: Callable[[Path], Path] | None = None) -> Iterator[Path]:
    """Give the file that a command writes; a remote one is put into its store when the block ends well.

    Parameters
    ----------
    beside : the name of a second file that comes with it
    """
    if isinstance(path, Path):
        yield path
        return
    from defectory.remote.outgoing import outgoing

    names = [path.name]
    if beside is not None:
        names.insert(0, beside(Path(path.name)).name)
    with outgoing(path.parent, names) as folder:
        yield folder / path.name
