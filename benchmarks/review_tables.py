"""What labels bring, by who chose the images, as Markdown."""

from collections.abc import Iterator, Sequence
from statistics import mean

from benchmarks.markdown import table
from benchmarks.result_files import Run
from benchmarks.review import INSPECTORS, N_ASKED, N_BATCHES, ROWS
from benchmarks.suite_cases import SETS
from benchmarks.updates import VARIANTS

SHOWN = (0, 10, 20, 50, 100)
"""Labels whose figures are in the table."""

_COMPARED = 20
_RANDOM = "random"
_NOTE = (
    "`auto` on folders with 10 or 20 % hidden defects, taught by `update` the answers of a simulated "
    "inspector who is asked about {n} images at a time, without masks. AP / AUROC of test images after so "
    "many labels, means over sets of means over draws; `taught`: AP after all of them had no update been "
    "refused; `found`: share of the hidden defects among the {all} "
    "images asked about; `over random`: AP after {compared} labels above that of images drawn at random, on "
    "the same draws; `random wins`: sets where it is below."
)


def review(runs: Sequence[Run]) -> str:
    """Return a table a variant and inspector; the same runs give the same text."""
    told = _NOTE.format(n=N_ASKED, all=N_ASKED * N_BATCHES, compared=_COMPARED)
    parts = ["## Which images to ask about\n", told + "\n"]
    head = ["", "draws", *(f"{n} labels" for n in SHOWN), "taught", "found"]
    head += ["over random", "random wins"]
    for variant in VARIANTS:
        for inspector in INSPECTORS:
            found = [r for r in runs if (r["variant"], r["inspector"]) == (variant, inspector)]
            if found:
                title = f"### `{variant}`, inspector {inspector}\n"
                parts += [title, table(head, list(_rows(found)))]
    return "\n".join(parts)


def _rows(runs: Sequence[Run]) -> Iterator[list[str]]:
    for row in ROWS:
        found = [run for run in runs if run["row"] == row]
        if not found:
            continue
        sets = _by_set(found)
        cells = [_cell(list(sets.values()), n) for n in SHOWN]
        shares = [
            [_step(r, SHOWN[-1])["n_found"] / r["n_hidden"] for r in s] for s in sets.values()
        ]
        taught = mean(
            mean(_step(r, SHOWN[-1])["taught"]["image_ap"] for r in s) for s in sets.values()
        )
        gains = {name: _gain(part, runs) for name, part in sets.items()}
        known = [gain for gain in gains.values() if gain is not None]
        over = f"{mean(known):+.3f}" if known and row != _RANDOM else ""
        lost = [name for name, gain in gains.items() if gain is not None and gain < 0]
        yield [
            row, str(len(found)), *cells, f"{taught:.3f}".removeprefix("0"),
            f"{mean(map(mean, shares)):.2f}", over, ", ".join(lost)
        ]  # fmt: skip


def _by_set(runs: Sequence[Run]) -> dict[str, list[Run]]:
    by_set = {name: [run for run in runs if run["data_set"] == name] for name in SETS}
    return {name: found for name, found in by_set.items() if found}


def _step(run: Run, n_labels: int) -> Run:
    """Return what was found after so many labels, or as many as there were to give."""
    found: Run = max(
        (step for step in run["steps"] if step["n_labels"] <= n_labels),
        key=lambda step: step["n_labels"],
    )
    return found


def _cell(sets: Sequence[Sequence[Run]], n_labels: int) -> str:
    figures = [
        mean(mean(_step(run, n_labels)[key] for run in found) for found in sets)
        for key in ("image_ap", "image_auroc")
    ]
    return " / ".join(f"{value:.3f}".removeprefix("0") for value in figures)


def _gain(found: Sequence[Run], runs: Sequence[Run]) -> float | None:
    """Return the mean AP of runs of one set above random's of the same draws; None without any."""
    by_draw = {(r["data_set"], r["seed"]): r for r in runs if r["row"] == _RANDOM}
    pairs = [(run, by_draw.get((run["data_set"], run["seed"]))) for run in found]
    gains = [
        _step(run, _COMPARED)["image_ap"] - _step(other, _COMPARED)["image_ap"]
        for run, other in pairs
        if other is not None
    ]
    return mean(gains) if gains else None
