"""Markdown of which results pages are made."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a line that says so where there are no rows."""
    if not rows:
        return "Not measured yet.\n"
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def decimals(value: float) -> str:
    """Return a number of at most 1 with three decimals and no zero before them."""
    return f"{value:.3f}".removeprefix("0")


def share(value: float | None) -> str:
    """Return a share in percent; an empty cell where there is none."""
    return "" if value is None else f"{value:.1%}"
