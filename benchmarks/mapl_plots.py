"""MAPL, MemSeg and the ablation as SVG: a line a row, a dot a seed, a bar for the mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from statistics import mean, stdev

from benchmarks.mapl import ABLATIONS, MAIN, REFERENCE
from benchmarks.result_files import Run, is_whole
from benchmarks.svg import COLORS, line, page, text

NAME = "mapl.svg"
_PANELS = {"image_auroc": "image AUROC", "pixel_auroc": "pixel AUROC", "aupro": "AUPRO"}
_GOALS = {
    ("clean", "image_auroc"): 0.98, ("clean", "aupro"): 0.85, ("noisy", "image_auroc"): 0.95,
}  # fmt: skip
_NAMES, _WIDTH, _GAP, _INSET = 240, 200, 30, 8
_TOP, _LINE = 34, 20
_DOT, _MEAN = COLORS[5], COLORS[0]
_STYLE = ".goal{stroke:#d55e00;stroke-dasharray:5 3}.band{fill:#56b4e9;opacity:.25}"


@dataclass(frozen=True)
class Group:
    """Rows that are compared with one another.

    Attributes
    ----------
    title : above them
    variant : of the goals
    rows : name, and figures of each seed
    reference : row whose mean and spread are drawn through all of them, or None
    """

    title: str
    variant: str
    rows: tuple[tuple[str, tuple[Run, ...]], ...]
    reference: str | None = None


def figures(runs: Sequence[Run]) -> dict[str, str]:
    """Return file name -> SVG where there is something to draw; smoke runs are left out."""
    groups = groups_of([run for run in runs if run["protocol"] == "mapl" and is_whole(run)])
    return {NAME: drawing(groups)} if groups else {}


def groups_of(runs: Sequence[Run]) -> list[Group]:
    """Return what was measured: whole detectors, then the head with one part changed, a group a variant."""
    groups = []
    for rows, reference, words in ((MAIN, None, ""), (ABLATIONS, REFERENCE, ", the head alone")):
        for variant in variants_of(runs):
            found = _rows(runs, variant, tuple(rows))
            if found:
                goals = "" if reference else variant
                groups.append(Group(title_of(variant) + words, goals, found, reference))
    return groups


def variants_of(runs: Sequence[Run]) -> list[str]:
    """Return the variants that were measured: clean, noisy, then the others by name."""
    order = {"clean": 0, "noisy": 1}
    return sorted({run["variant"] for run in runs}, key=lambda name: (order.get(name, 2), name))


def title_of(variant: str) -> str:
    """Return what tables and drawings call a variant; those of `label_cases` name their data."""
    data, _, name = variant.partition("-") if "-" in variant else ("p1", "", variant)
    return f"{data.upper()} `{name}`"


def _rows(
    runs: Sequence[Run], variant: str, names: tuple[str, ...]
) -> tuple[tuple[str, tuple[Run, ...]], ...]:
    found = {
        name: tuple(r["figures"] for r in runs if (r["row"], r["variant"]) == (name, variant))
        for name in names
    }
    return tuple((name, seeds) for name, seeds in found.items() if seeds)


def drawing(groups: Sequence[Group]) -> str:
    """Return one SVG: groups below one another, figures side by side."""
    panels = [key for key in _PANELS if any(_values(s, key) for g in groups for _, s in g.rows)]
    width = _NAMES + len(panels) * (_WIDTH + _GAP)
    height = _TOP + _LINE * sum(len(group.rows) + 2 for group in groups) + 3 * _LINE
    bottom = height - 2.5 * _LINE
    parts = []
    for place, key in enumerate(panels):
        left = _NAMES + place * (_WIDTH + _GAP)
        low, high = _limits(groups, key)
        parts.append(text(left, _TOP - 14, _PANELS[key], css="title"))
        parts += _grid(left, low, high, bottom)
        for top, group in _placed(groups):
            parts += _group(group, key, _Scale(left, low, high), top)
    for top, group in _placed(groups):
        parts.append(text(0, top - 6, group.title.replace("`", ""), css="title"))
        for i, (name, seeds) in enumerate(group.rows):
            words = f"{name} ({len(seeds)})"
            parts.append(text(_NAMES - 14, top + _LINE * (i + 0.5) + 4, words, "end"))
    words = (
        f"dot: a seed (their number in brackets); bar: mean; dashed: goal; band: {REFERENCE}, mean ± "
        "standard deviation"
    )
    parts.append(text(0, height - 8, words))
    return page(width, height, "MAPL, MemSeg and the ablation of MAPL's head", parts, _STYLE)


@dataclass(frozen=True)
class _Scale:
    """Where a panel lies, and the values at its sides."""

    left: float
    low: float
    high: float

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.left + _INSET + (_WIDTH - 2 * _INSET) * share


def _placed(groups: Sequence[Group]) -> Iterator[tuple[float, Group]]:
    """Yield the top of each group's first row with the group; its title stands above."""
    top = float(_TOP)
    for group in groups:
        top += 1.5 * _LINE
        yield top, group
        top += _LINE * (len(group.rows) + 0.5)


def _limits(groups: Sequence[Group], key: str) -> tuple[float, float]:
    values = [v for group in groups for _, seeds in group.rows for v in _values(seeds, key)]
    values += [_GOALS[group.variant, key] for group in groups if (group.variant, key) in _GOALS]
    return floor(20 * min(values) - 0.1) / 20, min(1.0, ceil(20 * max(values) + 0.1) / 20)


def _grid(left: float, low: float, high: float, bottom: float) -> list[str]:
    scale, parts = _Scale(left, low, high), []
    for i in range(round(10 * low + 0.4), floor(10 * high + 1e-6) + 1):
        x = scale.x(i / 10)
        parts.append(line(x, _TOP, x, bottom, "grid"))
        parts.append(text(x, bottom + 18, f"{i / 10:.1f}", "middle"))
    parts.append(line(left, bottom, left + _WIDTH, bottom, "axis"))
    return parts


def _group(group: Group, key: str, scale: _Scale, top: float) -> list[str]:
    bottom = top + _LINE * len(group.rows)
    parts = _band(group, key, scale, top, bottom)
    if (group.variant, key) in _GOALS:
        x = scale.x(_GOALS[group.variant, key])
        parts.append(line(x, top, x, bottom, "goal"))
    for i, (_, seeds) in enumerate(group.rows):
        y, values = top + _LINE * (i + 0.5), _values(seeds, key)
        if not values:
            continue
        parts += [
            f'<circle cx="{scale.x(v):.1f}" cy="{y:.1f}" r="3.5" fill="{_DOT}"/>' for v in values
        ]
        middle = scale.x(mean(values))
        parts.append(
            f'<rect x="{middle - 1.5:.1f}" y="{y - 7:.1f}" width="3" height="14" fill="{_MEAN}"/>'
        )
    return parts


def _band(group: Group, key: str, scale: _Scale, top: float, bottom: float) -> list[str]:
    """Return the reference's mean ± standard deviation, through all rows; nothing of a single seed."""
    values = _values(dict(group.rows).get(group.reference or "", ()), key)
    if len(values) < 2:
        return []
    near, far = (scale.x(mean(values) + sign * stdev(values)) for sign in (-1, 1))
    return [
        f'<rect class="band" x="{near:.1f}" y="{top:.1f}" width="{far - near:.1f}" '
        f'height="{bottom - top:.1f}"/>'
    ]


def _values(seeds: Sequence[Run], key: str) -> list[float]:
    """Return a figure of each seed; data without masks have none of pixels."""
    return [run[key] for run in seeds if key in run]
