"""`--max-memory` is kept: the peak of the whole process, told by the kernel, against plan and limit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.caches import with_backbone
from tests.pictures import disc

# Runs the command line, and says how the process peaked and what was planned.
MEASURED = """
import json, sys
from defectory.workflows import memory

plans, plan_memory = [], memory.plan_memory

def remembered(*arguments):
    plans.append(plan_memory(*arguments))
    return plans[-1]

memory.plan_memory = remembered
from defectory.cli.main import main

status = 0
try:
    main(sys.argv[1:], standalone_mode=False)
except SystemExit as end:
    status = end.code
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
plan = plans[-1] if plans else None
print("MEASURED" + json.dumps({
    "status": status, "peak": peak, "estimate": plan and plan.estimated_bytes,
    "n_readers": plan and plan.n_readers,
}))
"""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="only Linux tells the peak of a process"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Small images, and a few of 12 megapixels, some of which take more to decode."""
    root, rng = tmp_path_factory.mktemp("sizes"), np.random.default_rng(0)
    for name, n, (width, height) in (("small", 24, (96, 96)), ("large", 3, (4000, 3000))):
        (root / name).mkdir()
        for i in range(n):
            picture = Image.fromarray(disc(rng, 96)).resize((width, height))
            progressive = i % 2 == 1
            picture.save(root / name / f"{i}.jpg", quality=80, progressive=progressive)
    return root


@pytest.fixture
def first_time(monkeypatch, tmp_path):
    """A cache in which the backbone is not yet converted, which takes memory, too."""
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def converted(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFECTORY_CACHE", str(with_backbone(tmp_path / "cache")))


def run(tmp_path, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    said, _, measured = done.stdout.partition("MEASURED")
    return json.loads(measured), said + done.stderr


@pytest.mark.parametrize(
    ("detector", "size", "n_threads", "cache"),
    [
        ("gaussian", "small", 16, "first_time"),
        pytest.param("gaussian", "large", 16, "converted", marks=pytest.mark.thorough),
        pytest.param("patch-memory", "large", 16, "converted", marks=pytest.mark.thorough),
        ("auto", "small", 1, "converted"),
        pytest.param("auto", "large", 16, "first_time", marks=pytest.mark.thorough),
    ],
)
def test_a_fit_keeps_what_it_planned(folders, tmp_path, request, detector, size, n_threads, cache):
    request.getfixturevalue(cache)
    limit = 900
    found, said = run(
        tmp_path, "fit", folders / size, "-o", tmp_path / "b.defectory", "--detector", detector,
        "--size", 64, "--threads", n_threads, "--max-memory", f"{limit}MB", "--no-cache",
    )  # fmt: skip
    assert found["status"] == 0, said
    assert found["peak"] <= found["estimate"] <= limit * 10**6, (found, said)
    assert 1 <= found["n_readers"] <= n_threads
    if (size, n_threads) == ("large", 16):
        assert found["n_readers"] < 16, "as many would not fit"


def test_scores_and_figures_keep_it_too(folders, tmp_path, converted):
    bundle, large = tmp_path / "b.defectory", folders / "large"
    found, said = run(
        tmp_path, "fit", folders / "small", "-o", bundle, "--detector", "gaussian", "--size", 64
    )
    assert found["status"] == 0, said
    assert found["n_readers"] is None
    for command in (
        ("score", bundle, large, "-o", tmp_path / "plain"),
        ("score", bundle, large, "-o", tmp_path / "heat", "--heatmaps"),
    ):
        found, said = run(tmp_path, *command, "--threads", 16, "--max-memory", "800MB")
        assert found["status"] == 0, said
        assert found["peak"] <= found["estimate"] <= 800 * 10**6, (command, found)
        assert found["n_readers"] < 16


@pytest.mark.parametrize("command", ["fit", "score"])
def test_work_that_does_not_fit_is_refused_before_it_begins(folders, tmp_path, converted, command):
    bundle = tmp_path / "b.defectory"
    arguments = ("fit", folders / "small", "-o", bundle, "--detector", "gaussian", "--size", 64)
    if command == "score":
        run(tmp_path, *arguments)
        arguments = ("score", bundle, folders / "large", "-o", tmp_path / "out")
    found, said = run(tmp_path, *arguments, "--max-memory", "200MB")
    assert found["status"] == 1
    assert "needs 0." in said
    assert "0.20 GB are allowed; allow more (--max-memory, max_memory=)" in said
    assert found["peak"] < 200 * 10**6
    assert not (tmp_path / "out").exists()
