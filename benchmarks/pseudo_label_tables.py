"""How right pseudo-labels are, as Markdown."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from benchmarks.markdown import table
from benchmarks.result_files import Run

_FIGURES = {
    "auroc": "AUROC of the scores",
    "anomalous_precision": "anomalous: precision",
    "anomalous_recall": "recall",
    "normal_precision": "normal: precision",
    "normal_recall": "recall",
}
_NOTE = (
    "A pool of good images and defects (10 % of it), of which a person labeled five of each; the rest is "
    "labeled by the models or left unknown. Mean ± standard deviation over pools. Precision is over the "
    "pools in which such a label was given; their number stands behind it where it is not all of them."
)


def pseudo_labels(runs: Sequence[Run]) -> str:
    """Return one table a data set; the same runs give the same text."""
    parts = ["## Pseudo-labels with ten labels\n"]
    if not runs:
        return "\n".join([*parts, "Not measured yet.\n"])
    parts.append(f"{_NOTE}\n")
    for name in dict.fromkeys(run["data_set"] for run in runs):
        rows: dict[str, list[dict[str, float | None]]] = {}
        for run in runs:
            if run["data_set"] == name:
                rows.setdefault(_setting(run["setting"]), []).append(run["figures"])
        lines = [[setting, *_cells(figures)] for setting, figures in rows.items()]
        parts += [f"`{name}`:\n", table(["setting", *_FIGURES.values()], lines)]
    return "\n".join(parts)


def _setting(setting: dict[str, Any]) -> str:
    text = f"{setting['thresholds']}, K = {setting['n_classifiers']}"
    return text + (f", own scores {setting['own_scores']}" * (setting["own_scores"] != "left-out"))


def _cells(figures: Sequence[dict[str, float | None]]) -> list[str]:
    return [_cell([found[key] for found in figures]) for key in _FIGURES]


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "none given"
    text = f"{mean(known):.3f}" + (f" ± {stdev(known):.3f}" if len(known) > 1 else "")
    return text + (f" ({len(known)} of {len(values)})" if len(known) < len(values) else "")
