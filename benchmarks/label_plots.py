"""Figures of P1 and P2 against the number of labels, as SVG: one drawing a data set, a panel a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log
from statistics import mean, stdev

from benchmarks.label_tables import (
    BUDGETS,
    WHOLE,
    chosen,
    figure,
    has_curve,
    rows_of,
    whole_rows,
)
from benchmarks.result_files import Run, is_whole
from benchmarks.svg import COLORS, line, page, text

_WIDTH, _HEIGHT, _GAP = 380, 300, 70
_LEFT, _TOP = 52, 40
_LEGEND_LINE = 20
_LEGEND_COLUMNS = 3
_MASKS = "; defects labeled with masks unless it says without"
# Between the axis and the first and last points.
_INSET = 14
_STYLE = (
    ".goal{fill:none;stroke:#333;stroke-width:1.5}.peer{fill:#333;stroke:#333}"
    ".peer-line{stroke:#777;stroke-dasharray:2 4}.curve{fill:none;stroke-width:2}"
)
_DARK_STYLE = ".goal{stroke:#ddd}.peer{fill:#ddd;stroke:#ddd}"


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes
    ----------
    title : above it
    key : of a run's figures
    start : the variant without labels
    patterns : variants of the curves; {} is the number of labels. The second is dashed, and for `auto` only
    counted : what stands below the numbers
    goals : (labels, value), drawn as rings
    peers : (name, labels or None for a line across, value)
    """

    title: str
    key: str
    start: str
    patterns: tuple[str, ...]
    counted: str
    goals: tuple[tuple[int, float], ...]
    peers: tuple[tuple[str, int | None, float], ...] = ()


@dataclass(frozen=True)
class Point:
    """One variant: the number of labels, mean and standard deviation over seeds."""

    n_labels: int
    mean: float
    spread: float


@dataclass(frozen=True)
class Curve:
    """The points of one configuration, in order of labels."""

    name: str
    color: str
    is_dashed: bool
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Frame:
    """Where a panel lies, and the values at its bottom and top."""

    left: float
    low: float
    high: float

    def x(self, n_labels: int) -> float:
        """Return where a number of labels stands; few labels are told apart, and so are many."""
        share = log(1 + n_labels) / log(1 + BUDGETS[-1])
        return self.left + _INSET + (_WIDTH - 2 * _INSET) * share

    def y(self, value: float) -> float:
        """Return where a value stands."""
        return _TOP + _HEIGHT * (self.high - value) / (self.high - self.low)


# A curve that begins so near to a line would cross its name.
_NEAR = 0.012
_P1_CURVES = ("p1-budget-{}-masks", "p1-budget-{}-no-masks")
_LABELS, _ANOMALIES = "labels, half of them defects", "labeled anomalies"
# Quoted from the papers that results.md names.
_DRA = (("DRA (quoted)", 10, 0.845),)
_PANELS = {
    "p1": (
        Panel(
            "P1: image AUROC", "image_auroc", "p1-contaminated-10", _P1_CURVES, _LABELS,
            ((10, 0.985), (50, 0.995)),
            (("PatchCore (quoted), clean folder", None, 0.979),),
        ),
        Panel("P1: AUPRO", "aupro", "p1-contaminated-10", _P1_CURVES, _LABELS, ((50, 0.88),)),
    ),
    "p2": (
        Panel(
            "P2: image AUROC, random split", "image_auroc", "p2-clean", ("p2-budget-{}",), _ANOMALIES,
            ((10, 0.94), (50, 0.96)), _DRA,
        ),
        Panel(
            "P2: image AUROC, by blocks", "image_auroc", "p2-blocks-clean",
            ("p2-blocks-budget-{}",), _ANOMALIES, (),
        ),
    ),
}  # fmt: skip


def figures(every: Sequence[Run]) -> dict[str, str]:
    """Return file name -> SVG, for data sets with budgets; the same runs give the same text.

    Smoke runs are left out.
    """
    runs = [run for run in every if run["protocol"] == "labels" and is_whole(run)]
    return {
        f"labels-{data}.svg": drawing(panels, runs)
        for data, panels in _PANELS.items()
        if has_curve(runs, data)
    }


def drawing(panels: Sequence[Panel], runs: Sequence[Run]) -> str:
    """Return one SVG with the panels side by side and the legend below."""
    legend: dict[tuple[str, bool], Curve] = {}
    parts, width = [], len(panels) * (_WIDTH + _GAP)
    for place, panel in enumerate(panels):
        curves = curves_of(panel, runs)
        legend |= {(curve.name, curve.is_dashed): curve for curve in curves}
        parts += _panel(panel, curves, _LEFT + place * (_WIDTH + _GAP))
    below = _TOP + _HEIGHT + 70
    for i, curve in enumerate(legend.values()):
        row, column = divmod(i, _LEGEND_COLUMNS)
        x = _LEFT + column * width / _LEGEND_COLUMNS
        parts += _legend_line(curve, x, below + _LEGEND_LINE * row)
    words = "bars: one standard deviation over seeds; rings: goals" + _MASKS * (
        len(panels[0].patterns) > 1
    )
    height = below + _LEGEND_LINE * (ceil(len(legend) / _LEGEND_COLUMNS) + 1)
    parts.append(text(_LEFT, height - 12, words))
    label = "; ".join(panel.title for panel in panels) + "; against the number of labels"
    return page(width, height, label, parts, _STYLE, _DARK_STYLE)


def curves_of(panel: Panel, runs: Sequence[Run]) -> list[Curve]:
    """Return the curves that have points; colors follow the order of all detectors."""
    runs, curves = whole_rows(runs), []
    for place, row in enumerate(rows_of(runs)):
        for i, pattern in enumerate(panel.patterns[: None if row == WHOLE else 1]):
            points = tuple(_points(panel, pattern, row, runs))
            name = row + (", without masks" if i else "")
            if points:
                curves.append(Curve(name, COLORS[place % len(COLORS)], i > 0, points))
    return curves


def _points(panel: Panel, pattern: str, row: str, runs: Sequence[Run]) -> Iterator[Point]:
    read = figure(panel.key)
    for n in (0, *BUDGETS):
        some = chosen(runs, pattern.format(n) if n else panel.start, row)
        values = [value for run in some if (value := read(run)) is not None]
        if values:
            yield Point(n, mean(values), stdev(values) if len(values) > 1 else 0.0)


def _panel(panel: Panel, curves: Sequence[Curve], left: float) -> list[str]:
    frame = Frame(left, *_limits(panel, curves))
    parts = [text(left, _TOP - 16, panel.title, css="title"), *_grid(frame, panel.counted)]
    starts = [curve.points[0].mean for curve in curves]
    for name, n_labels, value in panel.peers:
        if n_labels is None:
            is_met = any(abs(start - value) < _NEAR for start in starts)
            parts += _peer_line(frame, name, value, at_the_end=is_met)
        else:
            parts += _peer(frame, name, n_labels, value)
    for i, curve in enumerate(curves):
        # curves with equal values stay apart
        parts += _curve(frame, curve, 1.5 * (i - (len(curves) - 1) / 2))
    for n_labels, value in panel.goals:
        x, y = frame.x(n_labels), frame.y(value)
        parts.append(f'<circle class="goal" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
    return parts


def _limits(panel: Panel, curves: Sequence[Curve]) -> tuple[float, float]:
    """Return round values below and above everything that is drawn."""
    points = [point for curve in curves for point in curve.points]
    values = [value for _, value in panel.goals] + [value for *_, value in panel.peers]
    values += [p.mean + sign * p.spread for p in points for sign in (-1, 1)]
    if not values:
        return 0.0, 1.0
    return floor(50 * min(values) - 0.1) / 50, min(1.0, ceil(50 * max(values) + 0.1) / 50)


def _grid(frame: Frame, words: str) -> list[str]:
    parts = []
    step = 0.02 if frame.high - frame.low <= 0.2 else 0.1
    for i in range(ceil(frame.low / step - 1e-6), floor(frame.high / step + 1e-6) + 1):
        y = frame.y(i * step)
        parts.append(line(frame.left, y, frame.left + _WIDTH, y, "grid"))
        parts.append(text(frame.left - 6, y + 4, f"{i * step:.2f}", "end"))
    for n in (0, *BUDGETS):
        x = frame.x(n)
        parts.append(line(x, _TOP + _HEIGHT, x, _TOP + _HEIGHT + 5, "axis"))
        parts.append(text(x, _TOP + _HEIGHT + 20, str(n), "middle"))
    middle = frame.left + _WIDTH / 2
    parts.append(text(middle, _TOP + _HEIGHT + 40, words, "middle"))
    parts.append(line(frame.left, _TOP + _HEIGHT, frame.left + _WIDTH, _TOP + _HEIGHT, "axis"))
    return parts


def _peer_line(frame: Frame, name: str, value: float, *, at_the_end: bool) -> list[str]:
    """Return a line across, its name above where it begins or, if a curve begins there, below its end."""
    y, right = frame.y(value), frame.left + _WIDTH
    words = (
        text(right - 8, y + 14, name, "end") if at_the_end else text(frame.left + 8, y - 5, name)
    )
    return [line(frame.left, y, right, y, "peer-line"), words]


def _peer(frame: Frame, name: str, n_labels: int, value: float) -> list[str]:
    x, y = frame.x(n_labels), frame.y(value)
    mark = f'<rect class="peer" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return [mark, text(x + 10, y + 4, name)]


def _curve(frame: Frame, curve: Curve, shift: float) -> list[str]:
    places = [(frame.x(point.n_labels) + shift, point) for point in curve.points]
    stroke = _stroke(curve)
    corners = " ".join(f"{x:.1f},{frame.y(point.mean):.1f}" for x, point in places)
    parts = [f'<polyline class="curve" {stroke} points="{corners}"/>']
    for x, point in places:
        low, high = frame.y(point.mean - point.spread), frame.y(min(1, point.mean + point.spread))
        parts.append(
            f'<path class="bar" stroke="{curve.color}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{frame.y(point.mean):.1f}" r="3" fill="{curve.color}"/>'
        )
    return parts


def _legend_line(curve: Curve, x: float, y: float) -> list[str]:
    corners = f'points="{x:.1f},{y - 4} {x + 34:.1f},{y - 4}"'
    swatch = f'<polyline class="curve" {_stroke(curve)} {corners}/>'
    return [swatch, text(x + 44, y, curve.name)]


def _stroke(curve: Curve) -> str:
    return f'stroke="{curve.color}"' + (' stroke-dasharray="6 4"' if curve.is_dashed else "")
