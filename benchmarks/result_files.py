"""Results on disk: one JSON line a run, there whole at any time. Nothing heavy is imported before that."""

import json
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any

Run = dict[str, Any]

SCHEMA: dict[str, type] = {
    "protocol": str,
    "seed": int,
    "data_fingerprint": str,
    "weight_card": str,
    "commit": str,
    "is_dirty": bool,
    "command": str,
    "date": str,
    "machine": dict,
    "versions": dict,
}
"""What every line says beside what it measured, see `provenance`. A smoke run also has `n_images`."""


class MissingDataError(Exception):
    """The data are not on this machine; says how to get them."""


class ToldError(Exception):
    """The command line names a row, variant or protocol that is not there; says which there are."""


def read_runs(path: Path) -> list[Run]:
    """Return the runs in a file, none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_sized(path: Path, n_images: int | None) -> list[Run]:
    """Return those runs in a file that saw so many images of a kind; None: all there are."""
    return [run for run in read_runs(path) if run.get("n_images") == n_images]


def read_folder(folder: Path) -> list[Run]:
    """Return the runs of every file in a folder, in order of names."""
    return [run for path in sorted(folder.glob("*.jsonl")) for run in read_runs(path)]


def write_runs(path: Path, runs: Iterable[Run]) -> None:
    """Write runs, rounded, in place of what was there; ValueError where one does not keep to `SCHEMA`."""
    from defectory.storage.whole_files import write_whole

    lines = [json.dumps(rounded(checked(run)), sort_keys=True) + "\n" for run in runs]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, "".join(lines).encode())


def add_run(path: Path, run: Run, key: Callable[[Run], Hashable]) -> None:
    """Write a run into a file, in place of one of equal key; a smoke run and a result are never equal."""

    def whole(found: Run) -> Hashable:
        return key(found), found.get("n_images")

    others = [found for found in read_runs(path) if whole(found) != whole(run)]
    write_runs(path, [*others, run])


def smoke_marked(run: Run, n_images: int | None) -> Run:
    """Return the run, marked where it saw only so many images of a kind: a smoke run is no result."""
    return run | {"n_images": n_images} if n_images else run


def is_whole(run: Run) -> bool:
    """Return whether a run is no smoke run."""
    return "n_images" not in run


def checked(run: Run) -> Run:
    """Return the run; ValueError where a fact of `SCHEMA` is missing, empty or of another type."""
    for name, kind in SCHEMA.items():
        value = run.get(name)
        if type(value) is not kind or (kind in (str, dict) and not value):
            raise ValueError(f"a run of {run.get('protocol')!r} has {name} = {value!r}")
    return run


def rounded(value: Any) -> Any:
    """Return JSON data with floats to six digits; not-a-number becomes null."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return None if value != value else float(f"{value:.6g}")
    return value
