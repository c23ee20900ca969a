"""A file is ours where it says so in the way of its format."""

import json

import pytest

from defectory.domain import OutputError
from defectory.storage import OutputFile
from defectory.storage.kinds import GENERATOR, GENERATOR_KEY, html_page, json_lines, json_object

PAGE, FIGURES = html_page("a page"), json_object("figures")
ROWS = json_lines("rows", lambda row: set(row) == {"a"})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PAGE, '<html><meta name="generator" content="defectory"></html>'),
        (FIGURES, json.dumps({GENERATOR_KEY: GENERATOR, "f1": 1})),
        (FIGURES, json.dumps({GENERATOR_KEY: "defectory 99.9"})),
        (ROWS, '{"a": 1}\n{"a": 2}\n'),
        (ROWS, ""),  # nothing is lost
    ],
)
def test_ours(kind, text, tmp_path):
    (tmp_path / "x").write_text(text)
    assert OutputFile(tmp_path / "x", kind).check_replaceable()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PAGE, "<html></html>"),
        (PAGE, " " * 5000 + '<meta name="generator" content="defectory">'),
        (PAGE, '<meta name="generator" content="another">'),
        (FIGURES, "{}"),
        (FIGURES, '["generator"]'),
        (FIGURES, '{"generator": "another 1.0"}'),
        (FIGURES, "{"),
        (FIGURES, "[" * 100_000),
        (FIGURES, "\xff\xfe"),
        (ROWS, '{"a": 1}\n{"a": 2, "mine": 3}\n'),
        (ROWS, '{"a": 1}\n\n'),
        (ROWS, "1\n"),
    ],
)
def test_not_ours(kind, text, tmp_path):
    (tmp_path / "x").write_text(text, "latin-1")
    with pytest.raises(OutputError, match="it stays: choose another name"):
        OutputFile(tmp_path / "x", kind).check_replaceable()
