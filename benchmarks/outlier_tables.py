"""P3 as Markdown: MCOD beside its rivals; packaged and from-scratch figures never share a table."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

Result = dict[str, Any]

_ENCODERS = {
    "packaged": "frozen ImageNet features (packaged)",
    "scratch": "WideResNet-10-4 from scratch",
    "scratch-small": "WideResNet-10-1 from scratch",
}
_KEYS = {"auroc": "AUROC", "aupr_out": "AUPR-out", "aupr_in": "AUPR-in"}
_NOTE = (
    "Fitted on the contaminated, unlabeled collection and scored on it; last step, all runs counted. The "
    "ratio is the outliers' share of the collection. Rivals see the same coordinates of the same features "
    "as MCOD's network, and PyOD's are told the true ratio, MCOD is not."
)


def outliers(results: Sequence[Result], ablations: Sequence[Result]) -> str:
    """Return one table an encoder and kind of outliers, then the ablation."""
    parts = ["## P3 outliers in an unlabeled collection (Fashion-MNIST)\n", f"{_NOTE}\n"]
    if not results:
        parts.append("Not measured yet.\n")
    parts += [_section(result) for result in results]
    parts += [_ablation(result) for result in ablations]
    return "\n".join(parts)


def _section(result: Result) -> str:
    budget = result.get("time_budget_s")
    title = f"{_ENCODERS[result['encoder']]}; outliers of {result['outliers']}"
    title += f"; {budget / 60:g} minutes of training a class at most" if budget else ""
    parts = [f"### {title[0].upper()}{title[1:]}\n"]
    for ratio in sorted({row["ratio"] for row in result["rows"]}):
        rows = [row for row in result["rows"] if row["ratio"] == ratio]
        parts.append(f"Ratio {ratio:g}.\n")
        parts.append(_table(rows))
    return "\n".join(parts)


def _table(rows: Sequence[Result]) -> str:
    """Return AUROC by class, and all three figures on average, one row a method."""
    classes = list(dict.fromkeys(row["class"] for row in rows))
    lines = [["", *classes, *(f"mean {name}" for name in _KEYS.values())]]
    lines.append(["---"] * len(lines[0]))
    for method in ("mcod", *rows[0].get("rivals", {})):
        found = [(row["class"], _figures(row, method)) for row in rows]
        by_class = [mean(f["auroc"] for name, f in found if name == c) for c in classes]
        means = [mean(f[key] for _, f in found) for key in _KEYS]
        name = f"**{method}**" if method == "mcod" else method
        lines.append([name, *(_ratio(value) for value in (*by_class, *means))])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _ablation(result: Result) -> str:
    rows = result["rows"]
    classes = list(dict.fromkeys(row["class"] for row in rows))
    lines = [["", *classes, "contrast, of chance", "slots used"]]
    lines.append(["---"] * len(lines[0]))
    for variant in dict.fromkeys(row["variant"] for row in rows):
        same = [row for row in rows if row["variant"] == variant]
        by_class = [mean(r["mcod"]["auroc"] for r in same if r["class"] == c) for c in classes]
        last = [mean(r["last"][key] for r in same) for key in ("of chance", "slots used")]
        cells = [*map(_ratio, by_class), _ratio(last[0]), f"{last[1]:.1f}"]
        lines.append([variant, *cells])
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    kinds = f"outliers of {result['outliers']}"
    return f"### Ablation, {_ENCODERS[result['encoder']]}; {kinds}\n\nAUROC.\n\n{table}"


def _figures(row: Result, method: str) -> dict[str, float]:
    found: dict[str, float] = row["mcod"] if method == "mcod" else row["rivals"][method]
    return found


def _ratio(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.3f}"
