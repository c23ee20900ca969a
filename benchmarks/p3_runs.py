"""The rows of P3 on disk: found again over several files, and merged."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.result_files import Run, read_sized

SETTING = ("data", "encoder", "outliers", "settings", "time_budget_s", "device")
"""What rows of one table have in common."""

_PLACE = ("class", "ratio", "seed", "variant")
_METHODS = ("rivals", "places")


def key(run: Run) -> str:
    """Return what makes a row one of its own: rows of equal key measure the same."""
    return json.dumps([run[name] for name in (*SETTING, *_PLACE)], sort_keys=True)


def read_beside(path: Path, n_images: int | None) -> list[Run]:
    """Return the rows, measured on so many images, of a file and of every other p3*.jsonl in its folder."""
    others = sorted(set(path.parent.glob("p3*.jsonl")) - {path})
    return [run for found in (path, *others) for run in read_sized(found, n_images)]


def has_methods(run: Run, wanted: Iterable[str]) -> bool:
    """Return whether a row holds what is wanted beside MCOD: rivals, places."""
    return all(name in run for name in wanted)


def merge(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with each row of P3 once: the newest, and of one day's the fullest."""
    best: dict[str, Run] = {}
    for run in (run for run in runs if run["protocol"] == "p3"):
        held = best.get(key(run))
        if held is None or _rank(held) <= _rank(run):
            best[key(run)] = run
    kept = {id(run) for run in best.values()}
    return [run for run in runs if run["protocol"] != "p3" or id(run) in kept]


def _rank(run: Run) -> tuple[str, int]:
    return run["date"], sum(len(run.get(name, ())) for name in _METHODS)
