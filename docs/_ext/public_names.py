"""The directive `public-names`: all of `defectory.__all__`, by kind; and our docstrings made numpydoc."""

import inspect
import re
from typing import Any

import click
from docutils.nodes import Node, section, title
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import defectory
from defectory.detectors.base import Detector

# `name : what it is` in one line, where numpydoc has a type behind the colon and the words below.
_ONE_LINE = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*) : (.+)$")


class PublicNames(SphinxDirective):
    """Document each public name, in a section a kind."""

    def run(self) -> list[Node]:
        """Return the sections."""
        return [self._section(kind, names) for kind, names in _by_kind().items() if names]

    def _section(self, kind: str, names: list[str]) -> Node:
        found = section(ids=[kind.lower().replace(" ", "-")])
        found += title(text=kind)
        lines: list[str] = []
        for name in names:
            directive = "autofunction" if kind == "Functions" else "autoclass"
            lines += [f".. {directive}:: defectory.{name}"]
            lines += ["   :members:"] * (directive == "autoclass") + [""]
        found += self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))
        return found


def _by_kind() -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {
        "Functions": [], "Classes": [], "Detectors": [], "Errors and warnings": [],
    }  # fmt: skip
    for name in defectory.__all__:
        found = getattr(defectory, name)
        if inspect.isclass(found):
            is_error, is_detector = issubclass(found, Exception), issubclass(found, Detector)
            kind = "Errors and warnings" if is_error else "Detectors" if is_detector else "Classes"
            kinds[kind].append(name)
        elif callable(found):
            kinds["Functions"].append(name)
    return kinds


def spread_lines(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Put what stands behind the colon under the name, where the next line does not explain it."""
    spread: list[str] = []
    for i, line in enumerate(lines):
        match = _ONE_LINE.match(line)
        following = lines[i + 1] if i + 1 < len(lines) else ""
        if match and not _is_type(match[2], following):
            spread += [match[1], f"    {match[2]}"]
        else:
            spread.append(line)
    lines[:] = spread


def _is_type(words: str, following: str) -> bool:
    """Return whether words behind a colon are a type that the next line explains."""
    return (
        following.startswith("    ") and len(words) < 45 and not words.endswith((",", " a", " the"))
    )


def plain_text(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Show words of the command line as they are typed: a star is a star, a default path no Python."""
    plain = (re.sub(r"PosixPath\((.*)\)", r"\1", line) for line in lines)
    lines[:] = [re.sub(r"(?<!\\)\*", r"\\*", line) for line in plain]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the hooks; that of docstrings comes before napoleon's."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-docstring", spread_lines, priority=100)
    for part in ("description", "arguments", "options"):
        app.connect(f"sphinx-click-process-{part}", plain_text)
    return {"parallel_read_safe": True}
