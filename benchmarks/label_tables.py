"""What few labels are worth, as Markdown: goals and what others reach stand beside."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev

from benchmarks.labels import ALL_KNOWN, ROWS
from benchmarks.result_files import Run

Read = Callable[[Run], float | None]

BUDGETS = (1, 5, 10, 20, 50)
WHOLE = "auto"
# Goals of image AUROC; a number is lowered by one that a clean folder of the same test images gives.
_P1_GOALS = {
    "p1-clean": ">= .985", "p1-contaminated-10": ">= clean - .005",
    "p1-contaminated-20": ">= clean - .01", "p1-budget-10-masks": ">= .985",
    "p1-budget-10-no-masks": ">= .985", "p1-budget-50-masks": ">= .995",
    "p1-budget-50-no-masks": ">= .995",
}  # fmt: skip
_AUPRO_GOALS = {"p1-clean": ">= .85", "p1-budget-50-masks": ">= .88"}
_DICE_GOALS = {f"p1-budget-{n}-no-masks": ">= .35, never below `memory map`" for n in BUDGETS}
_P2_GOALS = {"p2-clean": ">= .92", "p2-budget-10": ">= .94", "p2-budget-50": ">= .96"}
_P2_PEERS = {"p2-budget-10": "DRA .845, quoted from Ding et al. 2022"}
_P1_PEERS = {
    "p1-clean": "quoted: PatchCore .979 (Roth et al. 2022), DifferNet .977 (Rudolph et al. 2021)"
}
_CURVES = {
    "p1-budget-{}-masks": ("p1-contaminated-10", "P1, masks"),
    "p1-budget-{}-no-masks": ("p1-contaminated-10", "P1, no masks"),
    "p2-budget-{}": ("p2-clean", "P2"),
    "p2-blocks-budget-{}": ("p2-blocks-clean", "P2, blocks"),
}
_ORDER = (
    "p1-clean", *(f"p1-contaminated-{r}" for r in (5, 10, 20)),
    *(f"p1-budget-{n}-masks" for n in BUDGETS), *(f"p1-budget-{n}-no-masks" for n in BUDGETS),
    "p1-new-types", "p2-clean", *(f"p2-budget-{n}" for n in BUDGETS),
    *(f"p2-contaminated-{r}" for r in (5, 10, 20)),
    "p2-blocks-clean", *(f"p2-blocks-budget-{n}" for n in BUDGETS),
)  # fmt: skip

_NOTE = """Cells: mean ± standard deviation over seeds, each a draw of defects and labels; in brackets the
number of seeds where it is below {n}. Draws are nested: a larger budget holds the labels of a smaller one.

- `p1-contaminated-r`: the 761 good images and so many drawn defects that they are r %, nothing labeled.
- `p1-budget-n`: `p1-contaminated-10` with n labels, half of them defects (at least one), with masks or
  without.
- `p1-new-types`: 761 good images and 20 defects of the types blowhole and break, all labeled, with masks.
- `p2-budget-n`: 1,131 labeled good cells and n labeled anomalies. By blocks of 64 cells the anomalies
  are of blocks that are fitted on, which share no cell with those that are tested.
- `p2-contaminated-r`: as on P1, nothing labeled.

Drawn images are gone from the test. `normality alone` is `gaussian`, which learns from no defect,
`memory map` is `patch-memory`."""


def labels(runs: Sequence[Run]) -> str:
    """Return the section; the same runs give the same text."""
    if not runs:
        return "## Few labels\n\nNot measured yet.\n"
    whole, read = whole_rows(runs), figure("image_auroc")
    parts = [
        f"## Few labels\n\n{_NOTE.format(n=_n_seeds(runs))}\n",
        _by_variant("Image AUROC, P1", whole, "p1-", read, _P1_GOALS, _P1_PEERS),
        _plot(whole, "p1", "P1: image AUROC and AUPRO against the number of labels"),
        _by_variant("AUPRO, P1", whole, "p1-", figure("aupro"), _AUPRO_GOALS),
        _by_variant("Pixel AUROC, P1", whole, "p1-", figure("pixel_auroc"), {"p1-clean": ">= .92"}),
        _by_variant(_DICE, whole, "p1-", figure("cell_dice"), _DICE_GOALS),
        _by_variant(_DICE_ANY, whole, "p1-", figure("cell_dice_any"), {}),
        _new_types(whole),
        _by_variant("Image AUROC, P2", whole, "p2-", read, _P2_GOALS, _P2_PEERS),
        _plot(whole, "p2", "P2: image AUROC against the number of labeled anomalies"),
        _by_variant("Image AP", whole, "p", figure("image_ap"), {}),
        _contaminated(whole),
        _steps(whole),
        *_ablation(runs),
        _bound(runs),
        _parts(runs),
        _rejects(whole),
        _by_variant("Defects found by that threshold", whole, "p", figure("observed_recall"), {}),
        _cost(whole),
    ]
    return "\n".join(part for part in parts if part)


_DICE = (
    "Best Dice over thresholds on 16 x 16 cells, P1, all test images pooled; a cell is defective where at "
    "least half of its pixels are (175 of 388 defects are too small for one)"
)
_DICE_ANY = "The same; a cell is defective where any of its pixels is"


def figure(key: str) -> Read:
    """Return what reads one figure of a run, None where the run has none."""

    def read(run: Run) -> float | None:
        value = run["figures"].get(key)
        return None if value is None else float(value)

    return read


def chosen(runs: Iterable[Run], variant: str, row: str) -> list[Run]:
    """Return the runs of one cell, in order of seeds."""
    found = [run for run in runs if run["variant"] == variant and run["row"] == row]
    return sorted(found, key=lambda run: int(run["seed"]))


def rows_of(runs: Iterable[Run]) -> list[str]:
    """Return the names of rows, `auto` first."""
    return sorted({run["row"] for run in runs}, key=lambda row: (row != WHOLE, row))


def whole_rows(runs: Iterable[Run]) -> list[Run]:
    """Return the runs of detectors as they are: not of those that lack a part or are told the truth."""
    return [run for run in runs if run["row"] != ALL_KNOWN and not _lacks_part(run["row"])]


def _lacks_part(row: str) -> bool:
    _, settings = ROWS.get(row, ("", {}))
    return bool(settings)


def has_curve(runs: Iterable[Run], data: str) -> bool:
    """Return whether there are budgets of "p1" or "p2", and so a drawing."""
    return any(run["variant"].startswith(data) and "-budget-" in run["variant"] for run in runs)


def _by_variant(
    title: str, runs: Sequence[Run], data: str, read: Read, goals: dict[str, str],
    peers: dict[str, str] | None = None,
) -> str:  # fmt: skip
    """Return a table: a row a variant, a column a configuration, then goals and what others reach."""
    others = peers or {}
    columns, n = rows_of(runs), _n_seeds(runs)
    lines = []
    for variant in _ORDER:
        cells = [_cell(_known(chosen(runs, variant, row), read), n) for row in columns]
        if variant.startswith(data) and any(cells):
            goal = [goals.get(variant, "")] if goals else []
            lines.append(
                [f"`{variant}`", *cells, *goal, *([others.get(variant, "")] if others else [])]
            )
    head = ["", *columns, *(["goal"] if goals else []), *(["others"] if others else [])]
    return _titled(title, head, lines)


def _new_types(runs: Sequence[Run]) -> str:
    lines = []
    for row in rows_of(runs):
        taught, clean = chosen(runs, "p1-new-types", row), chosen(runs, "p1-clean", row)
        cells = [
            _cell(_known(some, figure(f"auroc_{which}")))
            for which in ("seen", "unseen")
            for some in (taught, clean)
        ]
        gained = [after - before for before, after in _pairs(clean, taught, figure("auroc_unseen"))]
        if taught:
            lines.append([row, *cells, _change(gained), ">= 0"])
    head = [
        "", "blowhole and break", "the same, clean", "unseen types", "the same, clean",
        "unseen: mean and worst change", "goal",
    ]  # fmt: skip
    return _titled("Types of which there are no labels, image AUROC", head, lines)


def _contaminated(runs: Sequence[Run]) -> str:
    lines = []
    for variant in _ORDER:
        for row in rows_of(runs):
            found = [run for run in chosen(runs, variant, row) if _tells_of_contamination(run)]
            if found:
                lines.append([f"`{variant}`", row, *_contamination_cells(variant, found, runs)])
    head = [
        "", "", "image AUROC, less that of a clean fit on the same test images", "true share, %",
        "estimate, %", "off by, points (worst)", "inside the interval", "suspects",
        "of them defective", "found of the hidden",
    ]  # fmt: skip
    title = "Unlabeled images of which some are defective (goals: off by at most 3 points)"
    return _titled(title, head, lines)


def _tells_of_contamination(run: Run) -> bool:
    told = run.get("contamination")
    return told is not None and ("-contaminated-" in run["variant"] or told["ratio"] is not None)


def _contamination_cells(variant: str, found: Sequence[Run], runs: Sequence[Run]) -> list[str]:
    told = [run["contamination"] for run in found]
    guessed = [share for share in told if share["ratio"] is not None]
    off = [100 * abs(share["ratio"] - share["true"]) for share in guessed]
    inside = sum(share["lower"] <= share["true"] <= share["upper"] for share in guessed)
    drawn = [run["suspects"] for run in found]
    n, right = sum(one["n"] for one in drawn), sum(one["n_defective"] for one in drawn)
    hidden = sum(one["n_hidden"] for one in drawn)
    return [
        _change(_less_clean(variant, found, runs)),
        f"{100 * mean(share['true'] for share in told):.1f}",
        _cell([100 * share["ratio"] for share in guessed], digits=1),
        f"{mean(off):.1f} ({max(off):.1f})" if off else "",
        f"{inside} of {len(guessed)}" if guessed else "",
        f"{n / len(found):.0f}",
        f"{right / n:.0%}" if n else "",
        f"{right / hidden:.0%}" if n and hidden else "",
    ]


def _less_clean(variant: str, found: Sequence[Run], runs: Sequence[Run]) -> list[float]:
    """Return differences to the clean fit of the same row and seed, on the test images of the variant."""
    data = variant.partition("-contaminated")[0].partition("-budget")[0]
    clean = {run["seed"]: run for run in chosen(runs, f"{data}-clean", found[0]["row"])}
    return [
        run["figures"]["image_auroc"] - clean[run["seed"]]["auroc_on_test_of"][variant]
        for run in found
        if run["seed"] in clean
    ]


def _steps(runs: Sequence[Run]) -> str:
    """Return what each step of labels changes: mean over seeds, with its standard error."""
    columns, lines = rows_of(runs), []
    for pattern, (start, name) in _CURVES.items():
        stops = [(0, start), *((n, pattern.format(n)) for n in BUDGETS)]
        for (fewer, before), (more, after) in pairwise(stops):
            cells = [
                _step(
                    [b - a for a, b in _pairs(chosen(runs, before, row), chosen(runs, after, row))]
                )
                for row in columns
            ]
            if any(cells):
                lines.append([f"{name}: {fewer} to {more}", *cells])
    title = (
        "What more labels change in image AUROC: mean over seeds ± 2 standard errors (**worse** where all of "
        "that is below 0), on the test images of the largest budget"
    )
    return _titled(title, ["labels", *columns], lines)


def _ablation(runs: Sequence[Run]) -> list[str]:
    """Return `auto` beside what lacks a part, on the draws that all of these were measured on."""
    parts = [run for run in runs if _lacks_part(run["row"])]
    seeds: dict[str, set[int]] = {}
    for run in parts:
        same = {
            r["seed"] for r in parts if (r["row"], r["variant"]) == (run["row"], run["variant"])
        }
        seeds[run["variant"]] = seeds.get(run["variant"], same) & same
    shown = [
        run
        for run in runs
        if run["seed"] in seeds.get(run["variant"], ())
        and (run["row"] == WHOLE or _lacks_part(run["row"]))
    ]
    if not shown:
        return []
    titles = {
        "image_auroc": "What each part of `auto` is worth: image AUROC without it, on the same draws",
        "aupro": "The same, AUPRO",
    }
    return [_by_variant(title, shown, "p", figure(key), {}) for key, title in titles.items()]


def _bound(runs: Sequence[Run]) -> str:
    """Return `auto` beside `auto` without the hidden defects, on the draws that both were measured on."""
    told = {(run["variant"], run["seed"]) for run in runs if run["row"] == ALL_KNOWN}
    both = [
        run
        for run in runs
        if run["row"] in (WHOLE, ALL_KNOWN) and (run["variant"], run["seed"]) in told
    ]
    if not both:
        return ""
    title = (
        "What perfect cleaning would reach: `auto` beside itself without the unlabeled defects, same draws "
        "and same test images, image AUROC"
    )
    return _by_variant(title, both, "p", figure("image_auroc"), {**_P1_GOALS, **_P2_GOALS})


def _parts(runs: Sequence[Run]) -> str:
    """Return `auto` minus `auto` without a part, over all budgets and seeds."""
    lines = []
    for row in rows_of(run for run in runs if run["row"] != ALL_KNOWN):
        by_data = [_over_budgets(runs, row, data) for data in ("p1", "p2")]
        if row != WHOLE and any(by_data):
            every = [gain for gains in by_data for gain in gains]
            cells = [_change(gains) for gains in (*by_data, every)]
            lines.append([row, *cells, str(len(every)), ">= -.002 (>= -.01)"])
    head = ["`auto` minus", "P1: mean (worst)", "P2: mean (worst)", "both", "runs", "goal"]
    title = "Is any part worse than doing without it? Image AUROC over all budgets and seeds"
    return _titled(title, head, lines)


def _over_budgets(runs: Sequence[Run], row: str, data: str) -> list[float]:
    budgets = [name for name in _ORDER if name.startswith(f"{data}-") and "-budget-" in name]
    return [
        whole - without
        for name in budgets
        for without, whole in _pairs(chosen(runs, name, row), chosen(runs, name, WHOLE))
    ]


def _rejects(runs: Sequence[Run]) -> str:
    title = "Good images rejected by the threshold that promises 1 %"
    read = figure("observed_false_reject_rate")
    return _by_variant(title, runs, "p", read, dict.fromkeys(_ORDER, "<= .01"))


def _cost(runs: Sequence[Run]) -> str:
    lines = []
    for row in rows_of(runs):
        for data in ("p1", "p2"):
            found = [r for r in runs if r["row"] == row and r["variant"].startswith(f"{data}-")]
            peaks = [run["figures"].get("peak_mb") for run in found]
            known = [peak for peak in peaks if peak is not None]
            updates = [
                run["update"]["update_s"] for run in found if "update_s" in run.get("update", {})
            ]
            # runs side by side have no timings
            found = [run for run in found if "fit_s" in run["figures"]]
            seconds = [run["figures"]["fit_s"] for run in found]
            if found:
                lines.append(
                    [
                        row, data.upper(), f"{mean(seconds):.0f} ({max(seconds):.0f})",
                        f"{max(known):.0f}" if known else "",
                        f"{mean(updates):.1f} ({max(updates):.1f})" if updates else "",
                    ]
                )  # fmt: skip
    lines.append(["goal", "P1", "<= 180", "<= 2000", "<= 5"])
    head = ["", "", "fit, s: mean (longest)", "peak of the process, MB", "update, s (longest)"]
    title = (
        "Cost, features cached, all variants; `update` corrects a false alarm and a missed defect"
    )
    return _titled(title, head, lines)


def _pairs(
    before: Sequence[Run], after: Sequence[Run], read: Read | None = None
) -> list[tuple[float, float]]:
    """Return one figure of two groups of runs, by default image AUROC, paired by seed."""
    of = read or figure("image_auroc")
    known = {run["seed"]: of(run) for run in before}
    pairs = [(known.get(run["seed"]), of(run)) for run in after]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _known(runs: Iterable[Run], read: Read) -> list[float]:
    return [value for run in runs if (value := read(run)) is not None]


def _n_seeds(runs: Iterable[Run]) -> int:
    return max(int(run["seed"]) for run in runs) + 1


def _cell(values: Sequence[float], n: int = 0, digits: int = 3) -> str:
    """Return `mean ± deviation`, and how many values these are where they are fewer than n."""
    if not values:
        return ""
    shown = _short(mean(values), digits)
    if len(values) > 1:
        shown += f" ± {_short(stdev(values), digits)}"
    return shown + (f" ({len(values)})" if len(values) < n else "")


def _change(values: Sequence[float]) -> str:
    """Return the mean with its sign, and the worst."""
    return f"{_signed(mean(values))} ({_signed(min(values))})" if values else ""


def _step(values: Sequence[float]) -> str:
    if len(values) < 2:
        return _signed(values[0]) if values else ""
    error = 2 * stdev(values) / sqrt(len(values))
    shown = f"{_signed(mean(values))} ± {_short(error)}"
    return f"**worse** {shown}" if mean(values) + error < 0 else shown


def _signed(value: float) -> str:
    return ("-" if round(value, 4) < 0 else "+") + _short(abs(value), 4)


def _short(value: float, digits: int = 3) -> str:
    shown = f"{value:.{digits}f}"
    return shown.removeprefix("0") if digits > 1 else shown


def _plot(runs: Sequence[Run], data: str, words: str) -> str:
    return f"![{words}](figures/labels-{data}.svg)\n" if has_curve(runs, data) else ""


def _titled(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table under its title; nothing where it has no rows."""
    if not lines:
        return ""
    table = "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *lines))
    return f"{title}:\n\n{table}"
