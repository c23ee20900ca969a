"""The few SVG marks that all drawings of `benchmarks` share."""

from collections.abc import Sequence
from html import escape

# Okabe and Ito: told apart by color-blind readers, on light and on dark ground.
COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#8c6d31", "#6a51a3",
)  # fmt: skip
_STYLE = "text{font:13px sans-serif;fill:#333}.title{font-weight:bold}.grid{stroke:#ddd}.axis{stroke:#888}"
_DARK_STYLE = "text{fill:#ddd}.grid{stroke:#444}"


def page(
    width: float, height: float, label: str, parts: Sequence[str], style: str = "", dark: str = ""
) -> str:
    """Return the drawing; `style` and `dark` are rules of its own, for light and for dark ground."""
    rules = f"{_STYLE}{style}@media(prefers-color-scheme:dark){{{_DARK_STYLE}{dark}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{escape(label)}"><style>{rules}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a straight line."""
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, anchor: str = "start", css: str = "") -> str:
    """Return words that begin, end or are centered at x."""
    kind = f' class="{css}"' if css else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
