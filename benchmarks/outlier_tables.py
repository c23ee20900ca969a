"""P3 as Markdown: MCOD beside its rivals; what differs in encoder, budget or device never shares a table."""

import json
from collections.abc import Iterator, Sequence
from statistics import mean, median, stdev

from benchmarks.p3 import ABLATIONS
from benchmarks.p3_collections import CLASS_NAMES
from benchmarks.p3_runs import SETTING
from benchmarks.result_files import Run

MCOD = "mcod"

_ENCODERS = {
    "packaged": "frozen ImageNet features (packaged)",
    "scratch": "WideResNet-10-4 from scratch",
    "scratch-small": "WideResNet-10-1 from scratch",
}
_DATA = {"solar-cells": "solar cells (ELPV)", "magnetic-tile": "magnetic tiles"}
_KEYS = {"auroc": "AUROC", "aupr_out": "AUPR-out", "aupr_in": "AUPR-in"}
_NOTE = (
    "Fitted on the contaminated, unlabeled collection and scored on it; last step, all runs counted. The "
    "ratio is the outliers' share of the collection. Rivals see the same coordinates of the same features "
    "as MCOD's network, and PyOD's are told the true ratio, MCOD is not."
)
_DEFECTS_NOTE = (
    "All good images, with defects drawn at random mixed in, all unlabeled. The defects are small in their "
    "images, and MCOD and its rivals, which judge an image as a whole, are not made for them: that is the "
    "work of the detectors that look at places, which are fitted on the same unlabeled collection and score "
    "the very images they were fitted on. The rest is as above."
)
_CURVES = "![AUROC against the ratio](figures/p3-ratios.svg)\n"


def outliers(every: Sequence[Run]) -> str:
    """Return the tables of Fashion-MNIST, their ablation, and the tables of mixed-in defects."""
    groups = settings_of(every)
    things = [runs for runs in groups if runs[0]["data"] == "fashion-mnist"]
    defects = [runs for runs in groups if runs[0]["data"] != "fashion-mnist"]
    parts = ["## P3 outliers in an unlabeled collection (Fashion-MNIST)\n", f"{_NOTE}\n"]
    if not things:
        parts.append("Not measured yet.\n")
    parts += [_section(runs) for runs in map(_plain, things) if runs]
    parts += [_ablation(runs) for runs in map(_varied, things) if runs]
    parts += ["## P3 defects in an unlabeled collection (solar cells, magnetic tiles)\n"]
    parts.append(f"{_DEFECTS_NOTE}\n" if defects else "Not measured yet.\n")
    parts += [_defects(runs) for runs in map(_plain, defects) if runs]
    if any(len(ratios_of(_plain(runs))) > 1 for runs in groups):
        parts.append(_CURVES)
    return "\n".join(parts)


def settings_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs of each setting: data, encoder, kind of outliers, settings, budget, device."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps([run[name] for name in SETTING], sort_keys=True), []).append(
            run
        )
    return [groups[name] for name in sorted(groups)]


def ratios_of(runs: Sequence[Run]) -> list[float]:
    """Return the ratios that were measured, in order."""
    return sorted({run["ratio"] for run in runs})


def methods_of(runs: Sequence[Run]) -> list[str]:
    """Return the methods of the runs: MCOD, what looks at places, rivals."""
    found = [name for part in ("places", "rivals") for run in runs for name in run.get(part, {})]
    return [MCOD, *dict.fromkeys(found)]


def figures_of(run: Run, method: str) -> dict[str, float] | None:
    """Return what a run says of a method; None where it was not measured."""
    if method == MCOD:
        found: dict[str, float] = run["mcod"]
        return found
    return run.get("places", {}).get(method) or run.get("rivals", {}).get(method)


def by_ratio(runs: Sequence[Run], method: str, figure: str) -> dict[float, list[float]]:
    """Return ratio -> a figure of each seed, averaged over the classes that were measured at all ratios.

    A seed that lacks one of those classes, or the method in it, is left out.
    """
    ratios = ratios_of(runs)
    classes = {run["class"] for run in runs}
    for ratio in ratios:
        classes &= {run["class"] for run in runs if run["ratio"] == ratio}
    found: dict[float, list[float]] = {ratio: [] for ratio in ratios}
    for ratio in ratios:
        for seed in sorted({run["seed"] for run in runs}):
            some = [r for r in runs if (r["ratio"], r["seed"]) == (ratio, seed)]
            known = {r["class"]: f for r in some if (f := figures_of(r, method)) is not None}
            if classes and classes <= set(known):
                found[ratio].append(mean(known[name][figure] for name in sorted(classes)))
    return found


def _section(runs: Sequence[Run]) -> str:
    parts = [f"### {_title(runs[0])}\n"]
    ratios = ratios_of(runs)
    for ratio in ratios:
        some = [run for run in runs if run["ratio"] == ratio]
        parts.append(f"Ratio {ratio:g}{_seeds(some)}.{_duration(some)}\n")
        parts.append(_by_class(some))
    if len(ratios) > 1:
        classes = set.intersection(*({r["class"] for r in runs if r["ratio"] == p} for p in ratios))
        parts.append(f"Mean AUROC over the {len(classes)} classes measured at every ratio:\n")
        parts.append(_by_ratios(runs, ["auroc"]))
    return "\n".join(parts)


def _defects(runs: Sequence[Run]) -> str:
    first, n_good = runs[0], {run["n"] - run["n_outliers"] for run in runs}
    title = f"{_DATA[first['data']]}; {_setting(first)}"
    counted = ", ".join(
        f"{n} at {ratio:g}"
        for ratio, n in sorted({(run["ratio"], run["n_outliers"]) for run in runs})
    )
    words = f"{max(n_good)} good images; defects: {counted}{_seeds(runs)}.\n"
    return "\n".join(
        [f"### {title[0].upper()}{title[1:]}\n", words, _by_ratios(runs, ["auroc", "aupr_out"])]
    )


def _by_class(runs: Sequence[Run]) -> str:
    """Return AUROC by class, and all three figures on average, one row a method."""
    classes = _classes(runs)
    lines = [["", *classes, *(f"mean {name}" for name in _KEYS.values())]]
    for method in methods_of(runs):
        found = [(run["class"], figures_of(run, method)) for run in runs]
        known = [(name, figures) for name, figures in found if figures is not None]
        cells = [_mean([f["auroc"] for name, f in known if name == c]) for c in classes]
        is_whole = len({name for name, _ in known}) == len(classes)
        means = [_mean([f[key] for _, f in known]) if is_whole else "" for key in _KEYS]
        lines.append([_named(method), *cells, *means])
    return _table(lines)


def _by_ratios(runs: Sequence[Run], keys: Sequence[str]) -> str:
    """Return figures with ratios in columns, one row a method; mean ± standard deviation over seeds."""
    ratios = ratios_of(runs)
    lines = [["", *(f"{_KEYS[key]} at {ratio:g}" for key in keys for ratio in ratios)]]
    for method in methods_of(runs):
        found = [by_ratio(runs, method, key) for key in keys]
        cells = [_spread(some[ratio]) for some in found for ratio in ratios]
        lines.append([_named(method, runs), *cells])
    return _table(lines)


def _ablation(runs: Sequence[Run]) -> str:
    return "\n".join([f"### Ablation, {_title(runs[0], is_first=False)}\n", *_ablations(runs)])


def _ablations(runs: Sequence[Run]) -> Iterator[str]:
    for ratio in ratios_of(runs):
        some = [run for run in runs if run["ratio"] == ratio]
        classes = _classes(some)
        lines = [["", *classes, "contrast, of chance", "slots used"]]
        for variant in sorted({run["variant"] for run in some}, key=list(ABLATIONS).index):
            same = [run for run in some if run["variant"] == variant]
            cells = [_mean([r["mcod"]["auroc"] for r in same if r["class"] == c]) for c in classes]
            last = [mean(r["last"][key] for r in same) for key in ("of chance", "slots used")]
            lines.append([variant, *cells, _ratio(last[0]), f"{last[1]:.1f}"])
        yield f"AUROC at ratio {ratio:g}{_seeds(some)}.\n"
        yield _table(lines)


def _title(run: Run, *, is_first: bool = True) -> str:
    title = f"{_setting(run)}; outliers of {run['outliers']}"
    return title[0].upper() + title[1:] if is_first else title


def _setting(run: Run) -> str:
    budget, settings = run["time_budget_s"], run["settings"]
    words = _ENCODERS[run["encoder"]]
    words += f"; {budget / 60:g} minutes of training a class at most" if budget else ""
    words += f"; {', '.join(f'{k} {v}' for k, v in sorted(settings.items()))}" if settings else ""
    return words + ("" if run["device"] == "cpu" else f"; trained on {run['device']}")


def _seeds(runs: Sequence[Run]) -> str:
    n = len({run["seed"] for run in runs})
    return f", {n} seeds" if n > 1 else ""


def _duration(runs: Sequence[Run]) -> str:
    """Return how long fits take; nothing of runs side by side, which have no timings."""
    times = [run["wall_s"] for run in runs if run["wall_s"] is not None]
    return f" Fits: {median(times):.0f} s, the median of {len(times)}." if times else ""


def _classes(runs: Sequence[Run]) -> list[str]:
    return sorted({run["class"] for run in runs}, key=CLASS_NAMES.index)


def _plain(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if not run["variant"]]


def _varied(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run["variant"]]


def _named(method: str, runs: Sequence[Run] = ()) -> str:
    if any(method in run.get("places", {}) for run in runs):
        return f"`{method}`, looks at places"
    return f"**{method}**" if method == MCOD else method


def _table(lines: Sequence[Sequence[str]]) -> str:
    ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in ruled)


def _mean(values: Sequence[float]) -> str:
    return _ratio(mean(values)) if values else ""


def _spread(values: Sequence[float]) -> str:
    more = f" ± {_ratio(stdev(values))}" if len(values) > 1 else ""
    return _mean(values) + more


def _ratio(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.3f}"
