"""The rows of P3 on disk: written one by one, found again, and merged over several files."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.result_files import write_result

Run = dict[str, Any]

SETTING = ("data", "encoder", "outliers", "settings", "time_budget_s", "device")
"""What rows of one table have in common."""

_PLACE = ("class", "ratio", "seed", "variant")
_METHODS = ("rivals", "places")


def key(run: Run) -> str:
    """Return what makes a row one of its own: rows of equal key measure the same."""
    return json.dumps([run[name] for name in (*SETTING, *_PLACE)], sort_keys=True)


def read_runs(path: Path, n_images: int | None) -> list[Run]:
    """Return the rows of a file that were measured on so many images; none where there is no file."""
    if not path.exists():
        return []
    result = json.loads(path.read_text())
    return list(result["runs"]) if result.get("n_images") == n_images else []


def read_beside(path: Path, n_images: int | None) -> list[Run]:
    """Return the rows of a file and of every other p3*.json in its folder."""
    others = sorted(set(path.parent.glob("p3*.json")) - {path})
    return [run for found in (path, *others) for run in read_runs(found, n_images)]


def has_methods(run: Run, wanted: Iterable[str]) -> bool:
    """Return whether a row holds what is wanted beside MCOD: rivals, places."""
    return all(name in run for name in wanted)


def add_run(path: Path, run: Run, n_images: int | None) -> None:
    """Write the row into the file, in place of an equal one; the file is there whole at any time."""
    others = [found for found in read_runs(path, n_images) if key(found) != key(run)]
    result: dict[str, Any] = {"protocol": "p3", "runs": [*others, run]}
    if n_images:
        result["n_images"] = n_images
    write_result(path, result)


def merge(results: Sequence[Run]) -> list[Run]:
    """Return the results with each row of P3 once: the newest, and of one day's the fullest."""
    best: dict[str, Run] = {}
    for run in _rows(results):
        held = best.get(key(run))
        if held is None or _rank(held) <= _rank(run):
            best[key(run)] = run
    kept = {id(run) for run in best.values()}
    return [
        result | {"runs": [run for run in result["runs"] if id(run) in kept]}
        if result["protocol"] == "p3"
        else result
        for result in results
    ]


def _rows(results: Sequence[Run]) -> list[Run]:
    return [run for result in results if result["protocol"] == "p3" for run in result["runs"]]


def _rank(run: Run) -> tuple[str, int]:
    return run["provenance"]["date"], sum(len(run.get(name, ())) for name in _METHODS)
