"""The areas of the table, and their rows."""

from tests.e2e.user_table import (
    collections_of_images,
    evaluating,
    fitting,
    folder_names,
    full_disk,
    inspecting,
    interrupts,
    label_words,
    manifests,
    other_commands,
    python_api,
    scoring,
    updating,
)
from tests.e2e.user_table.row import Row

AREAS: dict[str, list[Row]] = {
    "manifests": manifests.ROWS,
    "label words": label_words.ROWS,
    "folder names": folder_names.ROWS,
    "inspect and fit": [*inspecting.ROWS, *fitting.ROWS],
    "score and evaluate": [*scoring.ROWS, *evaluating.ROWS],
    "other commands": [*updating.ROWS, *collections_of_images.ROWS, *other_commands.ROWS],
    "disk": full_disk.ROWS,
    "interrupts": interrupts.ROWS,
    "Python": python_api.ROWS,
}
