"""Kills at random moments, thoroughly 300: old or new is there, whole, and what was being done goes on."""

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from defectory.artifacts import load_bundle
from defectory.storage import check_outputs, write_outputs
from defectory.storage.markers import find_foreign, read_marker
from tests.e2e.conftest import run
from tests.e2e.doomed import KEYS, N_FILES, outputs_in
from tests.pictures import write_mvtec
from tests.unit.storage.places import names, snapshot

N_KILLS = {"exchange": 110, "plain": 100, "fill": 70, "score": 10, "fit": 10}
"""Kills of a thorough run; otherwise a fifth."""


class Server:
    """Forks processes that do real work, to be killed.

    modules : loaded before the fork, too
    """

    def __init__(self, *modules):
        root = Path(__file__).parents[2]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.doomed", *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=environment,
        )  # fmt: skip

    def kill(self, delay_s, number, *work):
        """Do work, kill it after a while, and return its exit status."""
        child = self.start(*work)
        time.sleep(delay_s)
        os.kill(child, number)
        return self.status()

    def start(self, *work):
        """Fork a process, and return its number; ask for its `status` before starting another."""
        self._process.stdin.write(json.dumps([str(each) for each in work]) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        assert child > 1
        return child

    def status(self):
        """Wait for the end of what was started, and return its exit status."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self):
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def draw():
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")  # pytest shows it where a test fails
    return random.Random(seed)


@pytest.fixture(scope="module")
def n_kills(is_thorough):
    assert sum(N_KILLS.values()) == 300
    return N_KILLS if is_thorough else {name: max(n // 5, 4) for name, n in N_KILLS.items()}


@pytest.mark.parametrize("system", ["exchange", "plain"])
def test_a_folder_and_a_pair_of_files_are_old_or_new(system, server, draw, n_kills, tmp_path):
    outputs = outputs_in(tmp_path)
    with write_outputs(outputs) as (out, a, b):
        for i in range(N_FILES):
            (out / f"{i}").write_text("run -1 ")
        a.write_text("run -1 " * 5000)
        b.write_text("run -1 " * 5000)
    run_s = _time_a_run(server, "pair", system, tmp_path)
    # the test is worth something: some kills come between the two renames, where there are two; on a busy
    # machine a run takes so long that it may need more of them
    seen, hoped = set(), {"plain": {True, False}, "exchange": {True}}[system]
    for n in range(10 * N_KILLS[system]):
        if n >= n_kills[system] and seen == hoped:
            break
        delay_s = draw.uniform(0, 2 * run_s)
        status = server.kill(delay_s, signal.SIGKILL, "pair", system, tmp_path)
        assert status == -signal.SIGKILL
        seen.add((tmp_path / "out").exists())
        # what a killed process had between two renames is put back when anybody comes by
        check_outputs(outputs, overwrite=True)
        assert _run_of_folder(tmp_path / "out", N_FILES) >= -1
        for name in "ab":
            text = (tmp_path / name).read_text()
            assert text == f"{text[: text.index(' ', 4)]} " * 5000
    with write_outputs(outputs, overwrite=True) as (_, a, b):
        a.write_text("run")
        b.write_text("run")
    assert names(tmp_path) == ["a", "b", "out"]  # all leftovers are gone
    assert seen == hoped


def _time_a_run(server, *work):
    """Return the seconds that a process needs for one run."""
    child = server.start(*work)
    started = time.monotonic()
    while not (work[-1] / "b").read_bytes().startswith(b"run 4 "):
        time.sleep(0.001)
    run_s = (time.monotonic() - started) / 5
    os.kill(child, signal.SIGKILL)
    server.status()
    return run_s


def _run_of_folder(folder, n_files):
    """Return the number of the run that wrote a folder; it is whole and nothing else is in it."""
    marker = read_marker(folder)
    assert find_foreign(folder, marker) == ""
    assert len(marker.files) == n_files
    texts = {(folder / name).read_text()[:20].split()[1] for name in marker.files}
    assert len(texts) == 1
    return int(texts.pop())


def test_a_folder_that_grows_goes_on_and_ends_the_same(server, draw, n_kills, tmp_path):
    server.start("fill", tmp_path / "whole")
    assert server.status() == 0
    expected, n_done, furthest = snapshot(tmp_path / "whole/out"), 0, 0
    for _ in range(n_kills["fill"]):
        status = server.kill(draw.uniform(0, 0.06), signal.SIGKILL, "fill", tmp_path)
        assert status in (0, -signal.SIGKILL)
        if (tmp_path / "out").exists():
            n_done += 1
            assert snapshot(tmp_path / "out") == expected
            if status == 0:
                shutil.rmtree(tmp_path / "out")
                furthest = 0
        elif (tmp_path / "out.unfinished/rows.jsonl").exists():
            rows = (tmp_path / "out.unfinished/rows.jsonl").read_text().count("\n")
            assert rows >= furthest  # no row that was on disk is lost
            furthest = rows
    server.start("fill", tmp_path)
    assert server.status() == 0
    assert snapshot(tmp_path / "out") == expected
    assert names(tmp_path) == ["out", "whole"]
    assert len(KEYS) == 30


def test_score_goes_on_after_kills_and_ends_the_same(server, draw, n_kills, bundle, tmp_path):
    data = write_mvtec(tmp_path / "data", n_train=1, n_good=100, n_defective=1, size_px=48) / "test"
    before = snapshot(tmp_path), bundle.read_bytes()
    alarm = tmp_path / "line.json"
    work = [
        "command",
        tmp_path / "said",
        "score",
        bundle,
        data,
        "--heatmaps",
        "--alarm",
        alarm,
        "-o",
    ]
    started = time.monotonic()
    server.start(*work, tmp_path / "whole")
    assert server.status() == 0, (tmp_path / "said").read_text()
    whole_s = time.monotonic() - started
    expected, n_resumed, n_done = snapshot(tmp_path / "whole"), 0, 0
    seen = alarm.read_bytes()
    alarm.unlink()
    for n in range(10 * N_KILLS["score"]):
        # the test is worth something: one was killed at work, or came to its end before
        if n >= n_kills["score"] and n_done + n_resumed:
            break
        delay_s = draw.uniform(0, 1.1 * whole_s)
        status = server.kill(delay_s, signal.SIGKILL, *work, tmp_path / "out")
        said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""
        n_resumed += "going on after" in said
        assert "Traceback" not in said
        if (tmp_path / "out").exists():
            n_done += 1
            assert snapshot(tmp_path / "out") == expected
            shutil.rmtree(tmp_path / "out")
        else:
            assert status == -signal.SIGKILL
    server.start(*work, tmp_path / "out")
    assert server.status() == 0
    assert snapshot(tmp_path / "out") == expected
    assert alarm.read_bytes() == seen  # every image once
    alarm.unlink()
    (tmp_path / "said").unlink()
    for name in ("out", "whole"):
        shutil.rmtree(tmp_path / name)
    assert (snapshot(tmp_path), bundle.read_bytes()) == before
    assert n_done + n_resumed > 0


def test_fit_leaves_the_old_bundle_or_a_new_one(server, draw, n_kills, parts, tmp_path):
    work = ["command", tmp_path / "said", "fit", parts, "--size", 64, "--detector", "gaussian"]
    work += ["--overwrite", "-o", tmp_path / "b.defectory"]
    started = time.monotonic()
    server.start(*work)
    assert server.status() == 0, (tmp_path / "said").read_text()
    whole_s = time.monotonic() - started
    for _ in range(n_kills["fit"]):
        server.kill(draw.uniform(0.5, 1) * whole_s, signal.SIGKILL, *work)
        assert load_bundle(tmp_path / "b.defectory").detector.name == "gaussian"
    server.start(*work)
    assert server.status() == 0
    assert names(tmp_path) == ["b.defectory", "said"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.thorough),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.thorough),
    ],
)
def test_a_signal_that_asks_to_end_leaves_rows_to_go_on_with(
    number, expected, server, draw, bundle, tmp_path
):
    data = write_mvtec(tmp_path / "data", n_train=1, n_good=400, n_defective=1, size_px=48) / "test"
    work = ["command", tmp_path / "said", "score", bundle, data, "-o", tmp_path / "out", "--quiet"]
    child = server.start(*work)
    rows = tmp_path / "out.unfinished/rows.jsonl"
    deadline = time.monotonic() + 60
    while not (rows.exists() and rows.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(child, number)
    assert server.status() == expected
    said = (tmp_path / "said").read_text()
    assert said.count("\n") == 1
    assert "defectory: interrupted; nothing was half-written; " in said
    assert "of 401 images are done and kept in out.unfinished" in said
    assert names(tmp_path) == ["data", "out.unfinished", "said"]
    assert run("score", bundle, data, "-o", tmp_path / "out").exit_code == 0
    assert names(tmp_path) == ["data", "out", "said"]


def sizes(place):
    """Return the bytes of a file, or of every file of a folder by its name."""
    if place.is_file():
        return {"": place.stat().st_size}
    return {path.name: path.stat().st_size for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", ["fit", "simulate", "evaluate"])
def test_sigterm_in_other_commands_leaves_nothing(command, server, draw, parts, bundle, tmp_path):
    out = tmp_path / "out"
    arguments = {
        "fit": [parts, "--size", 64, "--detector", "gaussian", "-o", out],
        "simulate": [parts, "--n", 200, "-o", out],
        "evaluate": [bundle, parts, "--json", out],
    }[command]
    work = ["command", tmp_path / "said", command, *arguments]
    server.start(*work)
    assert server.status() == 0, (tmp_path / "said").read_text()
    whole, remove = sizes(out), shutil.rmtree if out.is_dir() else Path.unlink
    remove(out)
    for _ in range(3):
        delay_s = draw.uniform(0.02, 1)
        status = server.kill(delay_s, signal.SIGTERM, *work)
        said = (tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""
        assert status in (0, 143, -signal.SIGTERM), said  # -15: before the command was reached
        if out.exists():  # 143: in its place, and the process not yet ended
            assert status in (0, 143), said
            assert sizes(out) == pytest.approx(whole, rel=0.01)
            remove(out)
        assert names(tmp_path) in ([], ["said"])
