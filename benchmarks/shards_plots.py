"""Images a second by processes, and what lists and merges take by their length, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2, log10

from benchmarks.result_files import Run, is_whole
from benchmarks.svg import COLORS, line, page, text

_WIDTH, _HEIGHT, _GAP = 300, 240, 90
_LEFT, _TOP, _LINE = 60, 40, 20
_STYLE = ".curve{fill:none;stroke-width:2}"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis of a panel: its ticks with their words, in the values that are drawn."""

    title: str
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Return where a value stands between the first tick and the last."""
        first, last = self.ticks[0][0], self.ticks[-1][0]
        return (value - first) / (last - first)


def figures(every: Sequence[Run]) -> dict[str, str]:
    """Return file name -> SVG, once the three parts are measured; smoke runs are left out."""
    runs = {run["part"]: run for run in every if run["protocol"] == "shards" and is_whole(run)}
    if not {"processes", "listing", "merge"} <= {*runs}:
        return {}
    parts = [*_processes(runs["processes"], _LEFT), *_lengths(runs, _LEFT + _WIDTH + _GAP)]
    label = "Images a second by processes; seconds to list and merge by the number of images"
    return {"shards.svg": page(2 * (_WIDTH + _GAP), _TOP + _HEIGHT + 110, label, parts, _STYLE)}


def _processes(run: Run, left: float) -> list[str]:
    top = ceil(max(run["images_per_s"]) / 20) * 20
    across = Axis("processes at a time", [(log2(n), str(n)) for n in run["processes"]])
    up = Axis("images/s", [(value, str(value)) for value in range(0, top + 1, 20)])
    points = [
        (log2(n), rate) for n, rate in zip(run["processes"], run["images_per_s"], strict=True)
    ]
    title = f"Scoring on {run['machine']['cores']} cores"
    return _panel(title, across, up, {"": points}, left)


def _lengths(runs: Mapping[str, Run], left: float) -> list[str]:
    listing, merge = runs["listing"], runs["merge"]
    curves = {
        "list a folder": _logs(listing["n_rows"], listing["folder_s"]),
        "list a Parquet file": _logs(listing["n_rows"], listing["parquet_s"]),
        "merge": _logs(merge["n_rows"], merge["check_s"]),
        "merge, with a CSV": _logs(merge["n_rows"], merge["csv_s"]),
    }
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    across = Axis("images", [(i, f"{10**i:,}") for i in range(floor(min(xs)), ceil(max(xs)) + 1)])
    up = Axis("s", [(i, f"{10.0**i:g}") for i in range(floor(min(ys)), ceil(max(ys)) + 1)])
    return _panel("Lists and merging", across, up, curves, left)


def _logs(numbers: Sequence[float], seconds: Sequence[float]) -> list[tuple[float, float]]:
    """Return points on two logarithmic axes; times too short to be told from none are left out."""
    return [(log10(n), log10(s)) for n, s in zip(numbers, seconds, strict=True) if s >= 0.1]


def _panel(
    title: str, across: Axis, up: Axis, curves: Mapping[str, Points], left: float
) -> list[str]:
    bottom = _TOP + _HEIGHT
    parts = [text(left, _TOP - 18, f"{title}: {up.title}", css="title")]
    for value, words in up.ticks:
        at = bottom - _HEIGHT * up.share(value)
        parts += [line(left, at, left + _WIDTH, at, "grid"), text(left - 6, at + 4, words, "end")]
    parts.append(line(left, bottom, left + _WIDTH, bottom, "axis"))
    for value, words in across.ticks:
        at = left + _WIDTH * across.share(value)
        parts += [line(at, bottom, at, bottom + 5, "axis"), text(at, bottom + 20, words, "middle")]
    parts.append(text(left + _WIDTH / 2, bottom + 40, across.title, "middle"))
    for i, (name, points) in enumerate(curves.items()):
        places = [
            (left + _WIDTH * across.share(x), bottom - _HEIGHT * up.share(y)) for x, y in points
        ]
        parts += _curve(places, COLORS[i])
        if name:
            row, column = divmod(i, 2)
            x, y = left + 160 * column, bottom + 66 + _LINE * row
            parts += [*_curve([(x, y - 4), (x + 24, y - 4)], COLORS[i]), text(x + 32, y, name)]
    return parts


def _curve(places: Points, color: str) -> list[str]:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
    return [f'<polyline class="curve" stroke="{color}" points="{corners}"/>', *dots]
