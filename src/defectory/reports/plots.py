"""Plots as inline SVG. The page styles their classes, so colors follow its light or dark scheme."""

from dataclasses import dataclass
from html import escape
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.metrics.ranking import roc_curve
from defectory.reports.axes import ScoreAxis
from defectory.reports.content import Confusion, ScoredImages
from defectory.reports.formats import as_percent, as_score, as_tick

_WIDTH = 480
_N_BINS = 44
_MAX_ROC_POINTS = 600  # about two per unit of the drawing


@dataclass(frozen=True)
class _Frame:
    """A plot area: where it lies in the drawing, in SVG units."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


def histogram_svg(scored: ScoredImages) -> str:
    """Return the histogram of scores, one row a label, with the threshold across all rows.

    Parameters
    ----------
    scored : at least one image
        A label without images gets no row; no bin lies on both sides of the threshold.
    """
    axis = ScoreAxis(scored.scores, scored.of(Label.NORMAL), scored.threshold)
    edges = _bin_edges(axis, scored.threshold)
    rows = [
        (name, css, scores)
        for name, css, scores in (
            ("Good", "normal", scored.of(Label.NORMAL)),
            ("Defective", "anomalous", scored.of(Label.ANOMALOUS)),
            ("Unlabeled", "unlabeled", scored.of(Label.UNLABELED)),
        )
        if scores.size
    ]
    row_height = 140 if len(rows) < 3 else 100
    parts: list[str] = []
    has_line = isfinite(scored.threshold)
    place = float(axis.place(scored.threshold)) if has_line else 0.0
    frame = _Frame(46, 46, _WIDTH - 60, row_height - 34)
    for index, (name, css, scores) in enumerate(rows):
        frame = _Frame(46, 46 + row_height * index, _WIDTH - 60, row_height - 34)
        parts += _histogram_row(frame, css, edges, axis.place(scores))
        # the name keeps to the side that the line does not run through
        x, anchor = (frame.left, "start") if place > 0.5 else (frame.right, "end")
        parts.append(_text(x, frame.top - 7, f"{name} ({scores.size})", anchor, "row-name"))
    parts += _score_labels(frame, axis)
    if has_line:
        parts += _threshold_line(frame, place, scored.threshold)
    summary = ", ".join(f"{scores.size} {name.lower()}" for name, _, scores in rows)
    label = f"Histogram of image scores: {summary}; threshold {as_score(scored.threshold)}"
    return _svg(_WIDTH, frame.bottom + 46, label, parts)


def roc_svg(scored: ScoredImages, confusion: Confusion | None) -> str | None:
    """Return the ROC curve with the operating point, or None unless both labels are there.

    Parameters
    ----------
    scored : scores and labels; unlabeled images are left out
    confusion : counts at the threshold, which place the operating point; None draws no point
    """
    if not scored.of(Label.NORMAL).size or not scored.of(Label.ANOMALOUS).size:
        return None
    frame = _Frame(58, 14, 308, 308)
    parts = _unit_grid(frame)
    parts.append(_line(frame.left, frame.bottom, frame.right, frame.top, "chance"))
    labeled = scored.labels != Label.UNLABELED
    curve = roc_curve(scored.scores[labeled], scored.labels[labeled], max_points=_MAX_ROC_POINTS)
    across = frame.left + frame.width * curve.false_reject_rates
    up = frame.bottom - frame.height * curve.recalls
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
    parts.append(f'<polyline class="curve" points="{points}"/>')
    label = "ROC curve"
    if confusion is not None and confusion.n_anomalous and confusion.n_normal:
        parts += _operating_point(frame, confusion)
        label += (
            f"; at the threshold {as_percent(confusion.recall)} of the defective parts are found "
            f"and {as_percent(confusion.false_reject_rate)} of the good ones rejected"
        )
    return _svg(_WIDTH - 100, frame.bottom + 50, label, parts)


def _bin_edges(axis: ScoreAxis, threshold: float) -> NDArray[np.float64]:
    """Return rising bin edges on [0, 1], one of them at the threshold if that is finite."""
    if not isfinite(threshold):
        return np.linspace(0, 1, _N_BINS + 1)
    middle = float(axis.place(threshold))
    n_left = min(max(round(_N_BINS * middle), 1), _N_BINS - 1)
    left = np.linspace(0, middle, n_left + 1)
    return np.concatenate([left, np.linspace(middle, 1, _N_BINS - n_left + 1)[1:]])


def _histogram_row(
    frame: _Frame, css: str, edges: NDArray[np.float64], places: NDArray[np.float64]
) -> list[str]:
    # Right-closed bins: a score at the threshold is accepted, so it belongs to the left.
    bins = np.clip(np.searchsorted(edges, places, side="left") - 1, 0, len(edges) - 2)
    counts = np.bincount(bins, minlength=len(edges) - 1)
    top = int(counts.max())
    bars = []
    for index in np.nonzero(counts)[0]:
        x = frame.left + frame.width * edges[index]
        width = frame.width * (edges[index + 1] - edges[index])
        height = max(2.0, frame.height * counts[index] / top)  # one part must be seen
        bars.append(
            f'<rect x="{x + 0.5:.1f}" y="{frame.bottom - height:.1f}" '
            f'width="{max(width - 1, 1):.1f}" height="{height:.1f}"/>'
        )
    return [
        _line(frame.left, frame.top, frame.right, frame.top, "grid"),
        _line(frame.left, frame.bottom, frame.right, frame.bottom, "axis"),
        _text(frame.left - 6, frame.top + 5, str(top), "end"),
        _text(frame.left - 6, frame.bottom + 5, "0", "end"),
        f'<g class="{css}">{"".join(bars)}</g>',
    ]


def _score_labels(frame: _Frame, axis: ScoreAxis) -> list[str]:
    parts = []
    for value in axis.ticks():
        x = frame.left + frame.width * float(axis.place(value))
        parts.append(_line(x, frame.bottom, x, frame.bottom + 4, "axis"))
        parts.append(_text(x, frame.bottom + 19, as_tick(value), "middle"))
    caption = "image score" + (" (long tails compressed)" if axis.is_bent else "")
    parts.append(_text(frame.left + frame.width / 2, frame.bottom + 40, caption, "middle", "title"))
    return parts


def _threshold_line(last: _Frame, place: float, threshold: float) -> list[str]:
    x = last.left + last.width * place
    anchor = "start" if place < 0.5 else "end"
    return [
        _line(x, 22, x, last.bottom, "threshold"),
        _text(x, 14, f"threshold {as_score(threshold)}", anchor, "strong"),
    ]


def _unit_grid(frame: _Frame) -> list[str]:
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = frame.left + frame.width * share, frame.bottom - frame.height * share
        parts.append(_line(x, frame.top, x, frame.bottom, "axis" if share == 0 else "grid"))
        parts.append(_line(frame.left, y, frame.right, y, "axis" if share == 0 else "grid"))
        parts.append(_text(x, frame.bottom + 19, f"{100 * share:g}", "middle"))
        parts.append(_text(frame.left - 7, y + 5, f"{100 * share:g}", "end"))
    middle = frame.top + frame.height / 2
    parts.append(
        _text(
            frame.left + frame.width / 2, frame.bottom + 41, "good rejected, %", "middle", "title"
        )
    )
    parts.append(
        f'<text class="title" text-anchor="middle" '
        f'transform="translate(16 {middle:.1f}) rotate(-90)">defective found, %</text>'
    )
    return parts


def _operating_point(frame: _Frame, confusion: Confusion) -> list[str]:
    x = frame.left + frame.width * confusion.false_reject_rate
    y = frame.bottom - frame.height * confusion.recall
    # The words go to the inside of the square, below the curve, wherever the point lies.
    to_left = confusion.false_reject_rate > 0.5
    text_x, anchor = (x - 14, "end") if to_left else (x + 14, "start")
    text_y = min(max(y + 22, frame.top + 24), frame.bottom - 28)
    found, rejected = as_percent(confusion.recall), as_percent(confusion.false_reject_rate)
    return [
        f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="6"/>',
        _text(text_x, text_y, "at the threshold", anchor, "strong"),
        _text(text_x, text_y + 19, f"{found} found, {rejected} rejected", anchor),
    ]


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str, css: str = "tick") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{css}" {place}>{escape(words)}</text>'


def _svg(width: float, height: float, label: str, parts: list[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" '
        f'viewBox="0 0 {width:g} {height:g}" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
