"""Tables of the suite: decisions first, then ranking and maps; mean, worst set and regret."""

from collections.abc import Sequence
from statistics import mean

from benchmarks.markdown import table
from benchmarks.result_files import Run
from benchmarks.suite import ROWS
from benchmarks.suite_cases import SETS, VARIANTS

_FIGURES = {
    "observed_recall": "Recall at the shipped threshold (1 % of good parts promised)",
    "observed_false_reject_rate": "False rejects at that threshold",
    "image_auroc": "Image AUROC",
    "image_ap": "Image AP",
    "pixel_auroc": "Pixel AUROC",
    "aupro": "AUPRO",
}
_LOWER_IS_BETTER = ("observed_false_reject_rate",)
_COSTS = {"fit_s": "fit, s", "images_a_second": "images/s", "bundle_mb": "arrays, MB"}
_WORDS = """Five data sets that differ in product, camera and size; all of them judge designs, none alone.
Cells are means over draws. **Regret**: the most that a row loses against the best row on any set. Solar cells
and fabric have no masks. `unseen`: no product of the test (tile, block of solar cells, place) is in the fit.
"""


def suite(runs: Sequence[Run]) -> str:
    """Return the section; the same runs give the same text."""
    parts = ["## P0 The suite\n", _WORDS]
    for variant in VARIANTS:
        found = [run for run in runs if run["variant"] == variant]
        if not found:
            continue
        n_draws = len({run["seed"] for run in found})
        drawn = f", {n_draws} draws" if n_draws > 1 else ""
        parts.append(f"### `{variant}`{drawn}\n")
        parts += [_figure(found, key, words) for key, words in _FIGURES.items()]
    parts.append("### What it costs (`clean`)\n")
    parts.append(_costs([run for run in runs if run["variant"] == "clean"]))
    return "\n".join(parts)


def cells_of(runs: Sequence[Run], key: str) -> dict[str, dict[str, float]]:
    """Return row -> data set -> mean of a figure over the draws, where it was measured."""
    found: dict[str, dict[str, float]] = {}
    for row in ROWS:
        for name in SETS:
            values = [
                run["figures"].get(key)
                for run in runs
                if run["row"] == row and run["data_set"] == name
            ]
            known = [value for value in values if value is not None]
            if known:
                found.setdefault(row, {})[name] = mean(known)
    return found


def regret(cells: dict[str, dict[str, float]], row: str, key: str) -> float:
    """Return the most that a row loses against the best one on any set that it was measured on."""
    sign = -1 if key in _LOWER_IS_BETTER else 1
    return max(
        max(sign * other[name] for other in cells.values() if name in other) - sign * value
        for name, value in cells[row].items()
    )


def _figure(runs: Sequence[Run], key: str, words: str) -> str:
    cells = cells_of(runs, key)
    names = [name for name in SETS if any(name in row for row in cells.values())]
    worst = max if key in _LOWER_IS_BETTER else min
    rows = [
        [
            _named(row, runs),
            *(_cell(found.get(name)) for name in names),
            _cell(mean(found.values())),
            _cell(worst(found.values())),
            _cell(regret(cells, row, key)),
        ]
        for row, found in cells.items()
    ]
    return f"{words}:\n\n{table([key, *names, 'mean', 'worst', 'regret'], rows)}" if rows else ""


def _named(row: str, runs: Sequence[Run]) -> str:
    """Return the row's name, with its draws where it has fewer than others."""
    draws = {run["seed"] for run in runs if run["row"] == row}
    if len(draws) == len({run["seed"] for run in runs}):
        return row
    return f"{row} ({len(draws)} draw{'s' * (len(draws) > 1)})"


def _costs(runs: Sequence[Run]) -> str:
    rows = []
    if not any("fit_s" in run["figures"] for run in runs):
        return "Not timed yet: the runs were side by side.\n"
    for row in ROWS:
        mine = {run["data_set"]: run["figures"] for run in runs if run["row"] == row}
        if mine:
            cells = [
                " / ".join(f"{found[key]:.0f}" if key in found else "-" for key in _COSTS)
                for found in (mine.get(name, {}) for name in SETS)
            ]
            rows.append([row, *cells])
    return table([" / ".join(_COSTS.values()), *SETS], rows)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
