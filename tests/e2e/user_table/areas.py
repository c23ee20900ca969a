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


# Each takes a second or more, and rows like it are always tried: `make thorough` tries these, too.
_REPEATING = {
    "inspect and fit": (
        "fit, --detector GAUSSIAN",
        "fit, --max-memory '8 GB' with quotes",
        "fit, --output in place of -o",
        "fit, --time-budget 5 means seconds",
        "fit, .05",
        "fit, 1 % as people write it",
        "fit, 5 % with a space",
        "fit, a bundle without an ending",
        "fit, a confidence of 90 %",
        "fit, a link to the folder",
        "fit, absolute paths",
        "fit, all pictures black",
        "fit, hidden files and Thumbs.db",
        "fit, options first",
        "fit, pictures of several sizes",
        "fit, the folder ends in a slash",
        "fit, too few for the promise is said",
        "inspect, JSON into a file by the shell",
    ),
    "other commands": (
        "--no-cache keeps nothing",
        "an emptied cache, and a fit after that",
        "update, as JSON",
        "update, one label",
        "update, only good ones",
    ),
    "disk": ("fit onto a full disk", "evaluate with a report onto a full disk"),
    "interrupts": (
        "SIGINT while fit reads image 8",
        "SIGINT while score is at image 5",
        "SIGTERM while evaluate scores",
    ),
    "Python": (
        "fit on a glob",
        "fit on an array",
        "labels as a list of words",
        "labels as booleans: defective or not",
        "save over an existing bundle",
    ),
}


def _some_thoroughly(areas: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return the areas; rows that repeat others are marked."""
    for area, names in _REPEATING.items():
        known = {row.name for row in areas[area]}
        assert known >= set(names), sorted(set(names) - known)
    return {
        area: [
            replace(row, thorough=row.thorough or row.name in _REPEATING.get(area, ()))
            for row in rows
        ]
        for area, rows in areas.items()
    }


_ALL: dict[str, list[Row]] = {
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

AREAS = _some_thoroughly(_ALL)
