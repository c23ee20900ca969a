"""`defectory outliers` from the command line."""

import json

import numpy as np
from click.testing import CliRunner

from defectory.app.cli import main
from tests.pictures import disc, save


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_folder_is_ranked_and_shown(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(30):
        save(tmp_path / "in" / f"{i:02}.png", disc(rng, 40))
    for i in range(3):
        save(tmp_path / "in" / "deep" / f"odd{i}.png", np.full((40, 40, 3), 40 * i))
    found = run("outliers", tmp_path / "in", "-o", tmp_path / "out", "--size", 64, "--ratio", 0.1)
    assert found.exit_code == 0, found.output
    assert "3 of 33 images do not seem to belong (9.1%; the share was given)" in found.output
    first = json.loads((tmp_path / "out/outliers.jsonl").read_text().splitlines()[0])
    assert first["image"].startswith("deep/odd")
    assert (tmp_path / "out/outliers.html").stat().st_size > 10_000
    again = run("outliers", tmp_path / "in", "-o", tmp_path / "out")
    assert (again.exit_code, "exists already" in again.output) == (1, True)


def test_what_cannot_be_done_is_said_in_a_line(tmp_path):
    (tmp_path / "empty").mkdir()
    for data, message in ((tmp_path / "empty", "is empty"), (tmp_path / "none", "no such file")):
        failed = run("outliers", data, "-o", tmp_path / "out")
        assert failed.exit_code == 1
        assert message in failed.output
        assert "Traceback" not in failed.output
    assert not (tmp_path / "out").exists()
