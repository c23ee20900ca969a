"""An inspection as plain text, at most 100 columns wide."""

import textwrap
from collections.abc import Iterator, Mapping

from defectory.sources.findings import Finding
from defectory.sources.inspection import Inspection

_WIDTH = 100
_MAX_GROUPS = 5
_LABELS = ("normal", "anomalous", "unlabeled")
_MARKS = {"error": "ERROR", "warning": "WARNING", "info": "note"}


def format_text(inspection: Inspection) -> str:
    """Return the inspection for a person to read; long lists are cut, which JSON holds whole."""
    lines = [f"Data set  {inspection.root}", f"Layout    {inspection.layout}"]
    for note in inspection.notes:
        lines += _hang("Note      ", note)
    lines += [""]
    lines += [*_table(inspection.counts), "", *_overview(inspection), ""]
    lines += _verdict(inspection)
    for finding in inspection.problems:
        lines += ["", *_finding(finding)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    yield f"{'':10}" + "".join(f"{label:>12}" for label in (*_LABELS, "total"))
    for split, by_label in counts.items():
        cells = [by_label.get(label, 0) for label in _LABELS]
        yield f"{split or 'images':10}" + "".join(f"{n:>12,}" for n in (*cells, sum(cells)))


def _overview(inspection: Inspection) -> Iterator[str]:
    if inspection.defect_types:
        listed = ", ".join(f"{name} {n}" for name, n in inspection.defect_types.items())
        yield from _hang("Defects   ", listed)
    yield f"Masks     {inspection.n_masks:,}"
    if inspection.n_groups:
        yield f"Groups    {inspection.n_groups:,}"
    if inspection.sizes_px:
        named = (f"{name} {w} x {h}" for name, (w, h) in inspection.sizes_px.items())
        yield f"Size (px) {', '.join(named)}"
        listed = ", ".join(f"{mode} {n:,}" for mode, n in inspection.modes.items())
        yield from _hang("Channels  ", listed)


def _verdict(inspection: Inspection) -> Iterator[str]:
    severities = [finding.severity for finding in inspection.problems]
    n_errors, n_warnings = severities.count("error"), severities.count("warning")
    if not n_errors + n_warnings:
        yield "Nothing wrong found."
    else:
        yield f"Found: {_plural(n_errors, 'error')}, {_plural(n_warnings, 'warning')}."
        if n_errors:
            yield "fit would refuse these data."


def _finding(finding: Finding) -> Iterator[str]:
    yield from _hang(f"{_MARKS[finding.severity]:8} ", f"{finding.message} [{finding.code}]")
    yield from _hang("         ", f"-> {finding.advice}")
    for group in finding.groups[:_MAX_GROUPS]:
        yield from _hang("           ", " = ".join(group))
    n_more = len(finding.groups) - _MAX_GROUPS
    if n_more > 0:
        yield f"           ... and {n_more:,} more"


def _hang(head: str, text: str) -> list[str]:
    """Return `text` wrapped, its further lines below its first."""
    indent = " " * len(head)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    )


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("" if n == 1 else "s")
