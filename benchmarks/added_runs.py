"""Benchmarks that add runs to a file: names are checked first, each run is written as soon as it is done."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import parallel
from benchmarks.result_files import Run, ToldError, add_run, read_sized, smoke_marked


@dataclass(frozen=True, kw_only=True)
class Told:
    """What every such command is told.

    Attributes
    ----------
    cache : folder of features, so that repeats extract nothing again
    n_images : smoke run, at most so many images of a kind; None for all
    command : as given
    out : file that runs are added to
    n_jobs : runs side by side, see `parallel.each`
    """

    cache: Path
    n_images: int | None
    command: str
    out: Path
    n_jobs: int = 1


def check_names(*asked: tuple[str, Sequence[str], Sequence[str]]) -> None:
    """Raise ToldError for the first name that is unknown.

    Parameters
    ----------
    asked : what the names are of, the names, and all that there are
    """
    for what, names, known in asked:
        for name in names:
            if name not in known:
                raise ToldError(f"no {what} is named {name!r}; there are {', '.join(known)}")


def by_row_and_set(told: Told, rows: Iterable[str], sets: Iterable[str]) -> list[tuple[str, str]]:
    """Return the rows on data sets that are not in the file yet, each with its set."""
    done = {row_and_set(found) for found in read_sized(told.out, told.n_images)}
    return [task for task in product(rows, sets) if task not in done]


def row_and_set(found: Run) -> tuple[str, str]:
    """Return what tells such a run from others."""
    return found["row"], found["data_set"]


def add_each(
    told: Told,
    tasks: Iterable[tuple[Any, ...]],
    measure: Callable[..., Run],
    key: Callable[[Run], Hashable],
) -> None:
    """Add what `measure(told, *task)` returns for each task to the file."""
    for record in parallel.each(measure, [(told, *task) for task in tasks], told.n_jobs):
        add_run(told.out, smoke_marked(record, told.n_images), key)
