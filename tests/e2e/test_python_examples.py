"""What the README, the guide, the examples and the notebook say in Python runs."""

import ast
import json
import re
import shutil
import warnings
from pathlib import Path

import pytest

import defectory
from examples import fit_and_score
from tests.pictures import write_mvtec

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def at_a_users_desk(tmp_path, monkeypatch):
    """Work in a folder with `parts/` and `new/`, where warnings stop nothing."""
    write_mvtec(tmp_path / "parts", n_train=8)
    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "parts/test/scratch/000.png", tmp_path / "new/001.png")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", defectory.DefectoryWarning)
        yield


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def run_cell(source, names):
    """Run the lines of a cell, and return the value of the last one where it is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    return (
        None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    )


@pytest.mark.parametrize(
    "page", ["README.md", pytest.param("docs/python.md", marks=pytest.mark.thorough)]
)
def test_the_python_of_a_page_runs_from_top_to_bottom(page):
    names = {}
    blocks = python_blocks(ROOT / page)
    assert blocks
    for block in blocks:
        run_cell(block, names)
    assert isinstance(names["stricter"], defectory.Model)


def test_the_example_runs(capsys):
    fit_and_score.main("parts", "parts/test/good/000.png", "parts/test/scratch/000.png")
    lines = capsys.readouterr().out.splitlines()
    verdicts = [line.split()[0] for line in lines[-2:]]
    assert verdicts[0] in ("accept", "reject")
    assert verdicts[1] == "reject"


@pytest.mark.thorough
def test_the_notebook_runs_and_finds_defects():
    notebook = json.loads((ROOT / "examples/quickstart.ipynb").read_text())
    assert notebook["nbformat"] == 4
    names, shown = {}, []
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("code", "markdown")
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # kept out of the repository
            shown.append(run_cell("".join(cell["source"]), names))
    page = next(value for value in shown if isinstance(value, defectory.Predictions))._repr_html_()
    assert page.count("<img") == 8
    assert names["figures"].metrics["image_auroc"] > 0.8
    assert names["update"].model.facts["updates"]
