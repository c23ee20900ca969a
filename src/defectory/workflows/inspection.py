"""The data doctor: what was understood of a data set, and what is wrong with it."""

from pathlib import Path

from defectory.domain import Progress
from defectory.sources import Inspection, format_text, inspect_dataset, read_dataset


def inspect_data(data: Path | str, *, progress: Progress | None = None) -> Inspection:
    """Examine a data set before training: counts, unreadable files, copies, masks, drift."""
    return inspect_dataset(read_dataset(data), progress=progress)


def inspection_text(inspection: Inspection) -> str:
    """Return an inspection for a person to read, at most 100 columns wide."""
    return format_text(inspection)
