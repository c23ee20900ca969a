"""The directive `notebook`: the cells of a notebook that lies beside the docs, as text and code."""

import json
from pathlib import Path

from docutils.nodes import Node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Notebook(SphinxDirective):
    """Show the notebook named by the argument, relative to the page; its outputs are left out."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """Return what the cells show."""
        page = Path(self.env.doc2path(self.env.docname))
        path = (page.parent / self.arguments[0]).resolve()
        self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(as_markdown(path), allow_section_headings=True)


def as_markdown(path: Path) -> str:
    """Return text cells as they are, code cells as blocks of Python."""
    shown = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"]).rstrip()
        shown.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    return "\n\n".join(shown) + "\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("notebook", Notebook)
    return {"parallel_read_safe": True}
