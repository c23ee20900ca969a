"""The areas of the table, and their rows."""

from collections.abc import Sequence
from dataclasses import replace

from tests.e2e.user_table import (
    collections_of_images,
    evaluating,
    fitting,
    fitting_options,
    fitting_refused,
    folder_names,
    full_disk,
    inspecting,
    interrupts,
    label_words,
    manifests,
    odd_files,
    other_commands,
    python_api,
    python_misuse,
    scoring,
    scoring_refused,
    updating,
)
from tests.e2e.user_table.row import Row


def _of(command: str, *parts: Sequence[Row]) -> list[Row]:
    """Return rows that say of which command they are."""
    return [replace(row, name=f"{command}, {row.name}") for part in parts for row in part]


AREAS: dict[str, list[Row]] = {
    "manifests": manifests.ROWS,
    "label words": label_words.ROWS,
    "folder names": folder_names.ROWS,
    "inspect and fit": [
        *_of("inspect", inspecting.ROWS, odd_files.ROWS),
        *_of("fit", fitting.ROWS, fitting_options.ROWS, fitting_refused.ROWS),
    ],
    "score and evaluate": [
        *_of("score", scoring.ROWS, scoring_refused.ROWS),
        *_of("evaluate", evaluating.ROWS),
    ],
    "other commands": [
        *_of("update", updating.ROWS),
        *collections_of_images.ROWS,
        *other_commands.ROWS,
    ],
    "disk": full_disk.ROWS,
    "interrupts": interrupts.ROWS,
    "Python": [*python_api.ROWS, *python_misuse.ROWS],
}
