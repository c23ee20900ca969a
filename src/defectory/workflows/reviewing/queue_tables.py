"""A queue as CSV: a person writes labels into it, and `defectory update` takes it as it comes back."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from defectory.sources.columns import YES_NO
from defectory.storage import FileKind

COLUMNS = ("image", "label", "mask", "score", "decision", "strategy", "random", "reason")

ANSWERED = "answered"
"""In place of a strategy: nobody asks, the label is known; see `make_rows`."""

_MAX_BYTES = 64 * 2**20
_ERRORS = "surrogateescape"  # file names need not be valid text


@dataclass(frozen=True)
class QueueRow:
    """An image to ask about.

    Attributes
    ----------
    name : as in the data set
    path : the file
    score : raw image score
    decision : rejected, review or accepted, as in the rows of `score`
    strategy, reason : who chose it and why
    is_random : whether it is of a random sample, whoever chose it
    label : that is known already; empty for an image to ask about
    """

    name: str
    path: Path
    score: float
    decision: str
    strategy: str
    is_random: bool
    reason: str
    label: str = ""


def write_queue(
    rows: Sequence[QueueRow], part: Path, folder: Path, *, for_excel: bool = False
) -> None:
    """Write a queue into a file of a transaction; its columns `label` and `mask` are empty where one asks.

    Parameters
    ----------
    folder : where the file comes to lie; paths are relative to it, as in manifests
    for_excel : semicolons between columns and decimal commas, as Excel wants them in Germany, France, ...
    """
    # The byte order mark tells Excel that umlauts are UTF-8.
    with part.open("w", encoding="utf-8-sig", errors=_ERRORS, newline="") as file:
        writer = csv.writer(file, delimiter=";" if for_excel else ",")
        writer.writerow(COLUMNS)
        for row in rows:
            score = f"{row.score:.6g}"
            score = score.replace(".", ",") if for_excel else score
            path = _relative(row.path, folder)
            told = (row.decision, row.strategy, YES_NO[row.is_random], row.reason)
            writer.writerow((path, row.label, "", score, *told))


def _is_unanswered(path: Path) -> bool:
    """Return whether a file is a queue that nobody has written into: answers are never replaced."""
    if path.stat().st_size > _MAX_BYTES:
        return False
    with path.open(encoding="utf-8-sig", errors=_ERRORS, newline="") as file:
        delimiter = ";" if ";" in file.readline() else ","
        file.seek(0)
        try:
            first, *rows = csv.reader(file, delimiter=delimiter)
        except csv.Error:  # a cell larger than any of ours
            return False
    return tuple(first) == COLUMNS and all(
        len(row) == len(COLUMNS) and (_is_ours(row) or not (row[1].strip() or row[2].strip()))
        for row in rows
    )


def _is_ours(row: Sequence[str]) -> bool:
    """Return whether what a row says of an image was written by `write_queue`, not by a person."""
    _, label, mask, *_, reason = row
    is_answered = row[COLUMNS.index("strategy")] == ANSWERED
    return is_answered and not mask.strip() and reason.startswith(f"is labeled {label}:")


QUEUE_FILE = FileKind("a queue without answers", _is_unanswered)
"""What `write_queue` writes; one that holds a person's labels is theirs."""


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()
