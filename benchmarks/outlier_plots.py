"""AUROC of P3 against the outliers' share, as SVG: MCOD, its best rivals and what looks at places."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from statistics import mean
from typing import Any

from benchmarks.outlier_tables import MCOD, by_ratio, methods_of, ratios_of, settings_of
from benchmarks.p3_runs import merge
from benchmarks.result_files import Run, is_whole
from benchmarks.svg import COLORS, line, page, text

_WIDTH, _HEIGHT, _GAP = 250, 260, 70
_LEFT, _TOP = 56, 44
_INSET = 16
_LINE = 20
_N_RIVALS = 3
_OWN = "#d55e00"
_OTHERS = tuple(color for color in COLORS if color != _OWN)
_TITLES = {
    "fashion-mnist": "Fashion-MNIST, {}",
    "solar-cells": "solar cells, defects",
    "magnetic-tile": "magnetic tiles, defects",
}
_STYLE = ".curve{fill:none}"


@dataclass(frozen=True)
class Curve:
    """Mean AUROC of a method at each ratio at which it was measured."""

    method: str
    is_of_places: bool
    points: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """Return what the legend calls it."""
        return f"{self.method} (places)" if self.is_of_places else self.method


@dataclass(frozen=True)
class Panel:
    """One setting: its title, and its curves, best first."""

    title: str
    curves: tuple[Curve, ...]

    @property
    def ratios(self) -> list[float]:
        """Return every ratio that has a point, in order."""
        return sorted({ratio for curve in self.curves for ratio, _ in curve.points})

    @property
    def limits(self) -> tuple[float, float]:
        """Return round values below and above the points."""
        values = [value for curve in self.curves for _, value in curve.points]
        return floor(20 * min(values) - 0.1) / 20, min(1.0, ceil(20 * max(values) + 0.1) / 20)


def figures(every: Sequence[Run]) -> dict[str, str]:
    """Return file name -> SVG where more than one ratio was measured; smoke runs are left out."""
    whole = merge([run for run in every if run["protocol"] == "p3" and is_whole(run)])
    runs = [run for run in whole if not run["variant"]]
    panels = [panel_of(some) for some in settings_of(runs) if len(ratios_of(some)) > 1]
    return {"p3-ratios.svg": drawing(panels)} if panels else {}


def panel_of(runs: Sequence[dict[str, Any]]) -> Panel:
    """Return MCOD's curve, those of what looks at places, and the rivals' that are highest on average."""
    curves = []
    for method in methods_of(runs):
        found = by_ratio(runs, method, "auroc")
        points = tuple((ratio, mean(values)) for ratio, values in found.items() if values)
        is_of_places = any(method in run.get("places", {}) for run in runs)
        if points:
            curves.append(Curve(method, is_of_places, points))
    ranked = sorted(curves, key=lambda curve: -mean(value for _, value in curve.points))
    rivals = [curve for curve in ranked if curve.method != MCOD and not curve.is_of_places]
    left_out = rivals[_N_RIVALS:]
    first = runs[0]
    title = _TITLES[first["data"]].format(first["outliers"])
    title += "" if first["encoder"] == "packaged" else f", {first['encoder']}"
    return Panel(title, tuple(curve for curve in ranked if curve not in left_out))


def drawing(panels: Sequence[Panel]) -> str:
    """Return one SVG with the panels side by side and one legend below."""
    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves))
    names.sort(key=lambda name: name != MCOD)
    others = [name for name in names if name != MCOD]
    colors = {MCOD: _OWN} | {n: _OTHERS[i % len(_OTHERS)] for i, n in enumerate(others)}
    width = _LEFT + len(panels) * (_WIDTH + _GAP)
    parts = []
    for place, panel in enumerate(panels):
        parts += _panel(panel, colors, _LEFT + place * (_WIDTH + _GAP))
    below, n_columns = _TOP + _HEIGHT + 74, max(2, width // 210)
    for i, name in enumerate(names):
        row, column = divmod(i, n_columns)
        x, y = _LEFT + column * (width - _LEFT) / n_columns, below + _LINE * row
        parts.append(_path([(x, y - 4), (x + 34, y - 4)], colors[name], name))
        parts.append(text(x + 42, y, name))
    height = below + _LINE * ceil(len(names) / n_columns)
    label = "AUROC against the outliers' share: " + "; ".join(panel.title for panel in panels)
    return page(width, height, label, parts, _STYLE)


def _panel(panel: Panel, colors: dict[str, str], left: float) -> list[str]:
    (low, high), ratios = panel.limits, panel.ratios

    def x(ratio: float) -> float:
        share = (ratio - ratios[0]) / (ratios[-1] - ratios[0])
        return left + _INSET + (_WIDTH - 2 * _INSET) * share

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (high - value) / (high - low)

    parts = [text(left, _TOP - 18, panel.title, css="title")]
    step = 0.05 if high - low <= 0.4 else 0.1
    for i in range(ceil(low / step - 1e-6), floor(high / step + 1e-6) + 1):
        at = y(i * step)
        parts.append(line(left, at, left + _WIDTH, at, "grid"))
        parts.append(text(left - 6, at + 4, f"{i * step:.2f}", "end"))
    bottom = _TOP + _HEIGHT
    parts.append(line(left, bottom, left + _WIDTH, bottom, "axis"))
    for ratio in ratios:
        parts.append(line(x(ratio), bottom, x(ratio), bottom + 5, "axis"))
        parts.append(text(x(ratio), bottom + 20, f"{ratio:g}", "middle"))
    parts.append(text(left + _WIDTH / 2, bottom + 42, "outliers' share", "middle"))
    parts.append(
        f'<text transform="translate({left - 44:.1f} {_TOP + _HEIGHT / 2:.1f}) rotate(-90)" '
        'text-anchor="middle">AUROC</text>'
    )
    # MCOD last, above the others
    for curve in sorted(panel.curves, key=lambda curve: curve.method == MCOD):
        color = colors[curve.name]
        places = [(x(ratio), y(value)) for ratio, value in curve.points]
        parts.append(_path(places, color, curve.name))
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{color}"/>' for a, b in places]
    return parts


def _path(places: Sequence[tuple[float, float]], color: str, name: str) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="6 4"' if name.endswith("(places)") else ""
    width = 3 if name == MCOD else 1.8
    return (
        f'<polyline class="curve" stroke="{color}" stroke-width="{width}"{dashes} '
        f'points="{corners}"/>'
    )
