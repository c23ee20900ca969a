"""`defectory outliers` from the command line."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from defectory.cli.main import main
from defectory.workflows.outliers.find import find_outliers
from defectory.workflows.outliers.results import OutlierOptions
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


# The command line, but after every step a checkpoint is written, which leaves the time for a kill.
PROGRAM = """
import time
from functools import partial
from defectory.workflows.outliers import find as outliers
from defectory.training import loop

def save_slowly(*arguments, save=loop.save_checkpoint):
    save(*arguments)
    time.sleep(0.2)

loop.save_checkpoint = save_slowly
outliers.TrainingResources = partial(outliers.TrainingResources, checkpoint_every_s=0.0)
from defectory.cli.main import main
main()
"""


class Heard:
    """Stages with their numbers of steps."""

    def __init__(self):
        self.stages = {}

    def start(self, stage, total):
        self.stages[stage] = total

    def advance(self, steps=1):
        pass

    def note(self, text):
        pass


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("collection"), np.random.default_rng(0)
    for i in range(32):
        save(root / f"{i:02}.png", disc(rng, 32))
    for i in range(4):
        save(root / f"odd{i}.png", np.full((32, 32, 3), 60 * i))
    return root


@pytest.mark.thorough
def test_killed_and_run_again_it_goes_on_and_finds_exactly_the_same(
    collection, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out, kept = tmp_path / "out", tmp_path / "cache/defectory/training"
    command = [sys.executable, "-c", PROGRAM, "outliers", collection, "-o", out, "--size", "64"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any(kept.glob("*.checkpoint")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors
    assert "Traceback" not in errors
    assert not out.exists()
    (checkpoint,) = kept.glob("*.checkpoint")

    options, heard, fresh = OutlierOptions(size_px=64), Heard(), Heard()
    resumed = find_outliers(collection, options, progress=heard)
    assert not checkpoint.exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    expected = find_outliers(collection, options, progress=fresh)
    assert 0 < heard.stages["learning"] < fresh.stages["learning"]
    np.testing.assert_array_equal(resumed.scores, expected.scores)
    np.testing.assert_array_equal(resumed.groups, expected.groups)
    np.testing.assert_array_equal(resumed.slots, expected.slots)
    assert resumed.detector.history_ == expected.detector.history_
