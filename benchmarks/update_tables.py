"""Decisions in folders nobody sorted, before and after labels, as Markdown."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean

from benchmarks.markdown import decimals, table
from benchmarks.result_files import Run
from benchmarks.suite_cases import SETS
from benchmarks.updates import BUDGETS, REFITTED, VARIANTS

_NOTE = (
    "`auto` on folders with 10 or 20 % hidden defects: share of test defects found / of good parts rejected "
    "at the shipped threshold of 1 %, with no labels, after `update` with right labels of the most "
    "suspicious images (without masks), by a fit with the first {refitted} labels, and by a fit on the "
    "good images alone, all confirmed. An update that is refused leaves the bundle as it was. Means over "
    "draws; `falls`: the most recall that a draw loses from one step to the next."
)


def updates(runs: Sequence[Run]) -> str:
    """Return a table a variant; the same runs give the same text."""
    parts = ["## Folders nobody sorted, and labels\n", _NOTE.format(refitted=REFITTED) + "\n"]
    steps = ["0", *map(str, BUDGETS), "refit", "clean"]
    named = {"0": "no labels", "refit": f"fit with {REFITTED}", "clean": "good alone"}
    head = ["", "draws", *(named.get(step, f"{step} labels") for step in steps), "falls", "refused"]
    for variant in VARIANTS:
        found = [run for run in runs if run["variant"] == variant]
        if found:
            parts += [f"### `{variant}`\n", table(head, list(_rows(found, steps)))]
    return "\n".join(parts)


def _rows(runs: Sequence[Run], steps: Sequence[str]) -> Iterator[list[str]]:
    by_set = {name: [run for run in runs if run["data_set"] == name] for name in SETS}
    shown = {name: found for name, found in by_set.items() if found}
    for name, found in [*shown.items(), ("mean", list(runs))]:
        falls = max(_fall(run) for run in found)
        sets = list(shown.values()) if name == "mean" else [found]
        cells = [_cell(sets, step) for step in steps]
        n_refused = sum(run["n_refused"] for run in found)
        yield [
            name, str(len(found)), *cells, f"{falls:.3f}", f"{n_refused} of {len(found) * len(BUDGETS)}"
        ]  # fmt: skip


def _cell(sets: Sequence[Sequence[Run]], step: str) -> str:
    """Return the mean over sets of means over draws."""
    figures = [
        mean(mean(run["steps"][step][key] for run in found) for found in sets)
        for key in ("recall", "false_rejects")
    ]
    return " / ".join(decimals(value) for value in figures)


def _fall(run: Run) -> float:
    recalls = [run["steps"][step]["recall"] for step in ("0", *map(str, BUDGETS))]
    return max(0.0, *(before - after for before, after in pairwise(recalls)))
