"""What of a figure is "product seen before", as Markdown."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from benchmarks.markdown import table
from benchmarks.result_files import Run

_NAMES = {"p1": "P1 magnetic tile", "p2": "P2 solar cells"}
_NOTE = (
    "Siblings are images whose whitened features point the same way: one product in several pictures, or "
    "neighbors of one module. `gaussian` fitted on all good images; each is scored by the model without it, "
    "without it and its siblings, or without it and as many others. Defects were never fitted on."
)
_FOLDER_NOTE = (
    "`auto`: image AUROC of test defects against all good test images, by what the folder it learned from "
    "holds of their product: no other picture; pictures that are good, labeled or found to be suspects; a "
    "defect that passed as good. In brackets the number of test defects, mean over seeds."
)
_KINDS = {"none": "none", "known": "good, labeled or suspected", "hidden": "a hidden defect"}


def siblings(runs: Sequence[Run]) -> str:
    """Return two tables; the same runs give the same text."""
    parts = ["## Products seen before\n"]
    if not runs:
        return "\n".join([*parts, "Not measured yet.\n"])
    parts += [f"{_NOTE}\n", _left_out([run for run in runs if run["part"] == "left-out"])]
    if folders := [run for run in runs if run["part"] == "folder"]:
        parts += [f"{_FOLDER_NOTE}\n", _folders(folders)]
    return "\n".join(parts)


def _left_out(found: Sequence[Run]) -> str:
    head = [
        "", "good", "have a sibling", "siblings, mean", "left out alone", "with others",
        "with their siblings",
    ]  # fmt: skip
    rows = [
        [
            _NAMES[one["data_set"]], str(one["n_good"]), f"{one['with_a_sibling']:.1%}",
            f"{one['siblings']:.1f}",
            *(f"{one[way]:.3f}" for way in ("alone", "with_others", "with_siblings")),
        ]
        for one in found
    ]  # fmt: skip
    return table(head, rows)


def _folders(found: Sequence[Run]) -> str:
    head = ["folder", "seeds", "hidden defects", *_KINDS.values()]
    rows = []
    for variant in dict.fromkeys(one["variant"] for one in found):
        runs = [one for one in found if one["variant"] == variant]
        hidden = mean(one["n_hidden"] for one in runs)
        rows.append([f"`{variant}`", str(len(runs)), f"{hidden:.0f}"])
        rows[-1] += [_cell([one[kind] for one in runs]) for kind in _KINDS]
    return table(head, rows)


def _cell(runs: Sequence[dict[str, Any]]) -> str:
    known = [run["auroc"] for run in runs if run["auroc"] is not None]
    if not known:
        return ""
    return f"{mean(known):.3f} ({mean(run['n'] for run in runs):.0f})"
