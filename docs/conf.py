"""How Sphinx builds the site: `make docs`. References come from the code; readers fetch nothing."""

import sys
from pathlib import Path

import defectory

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "defectory"
author = "the defectory developers"
version = release = defectory.__version__
copyright = author  # noqa: A001 - Sphinx calls it so

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "public_names",
    "notebook_page",
]
exclude_patterns = ["_build", "_ext"]
highlight_language = "none"  # shell lines; Python says so itself
html_theme = "furo"
html_title = "defectory"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "code"  # single backticks in docstrings
