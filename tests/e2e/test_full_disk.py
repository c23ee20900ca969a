"""A disk that fills up in the middle: one clear line, the old output is there, and work can go on."""

import pytest

from tests.e2e.conftest import leave, run
from tests.pictures import write_mvtec
from tests.unit.storage.places import names, snapshot

MIB = 2**20


def fails(*arguments):
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.output.splitlines()[-1].startswith("defectory: cannot write ")
    assert "No space left on device" in result.output
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    "free_bytes",
    [16_384, *(pytest.param(n, marks=pytest.mark.thorough) for n in (300_000, 1_000_000))],
)
def test_score_goes_on_when_there_is_room_again(free_bytes, disk, bundle, tmp_path):
    data = write_mvtec(tmp_path / "data", n_train=1, n_good=150, n_defective=1, size_px=64) / "test"
    arguments = ("score", bundle, data, "--heatmaps", "-o")
    assert run(*arguments, tmp_path / "whole").exit_code == 0
    assert run("score", bundle, data / "scratch", "-o", disk / "out").exit_code == 0
    old = snapshot(disk / "out")
    leave(disk, free_bytes)
    result = fails(*arguments, disk / "out", "--overwrite")
    assert snapshot(disk / "out") == old
    kept = "of 151 images are done and kept in out.unfinished: run the same command again to go on"
    has_rows = (disk / "out.unfinished").exists()
    assert (kept in result.output) == has_rows
    assert names(disk) == (["full", "out", "out.unfinished"] if has_rows else ["full", "out"])
    assert has_rows or free_bytes < 100_000
    (disk / "full").unlink()
    done = run(*arguments, disk / "out", "--overwrite")
    assert done.exit_code == 0, done.output
    assert ("going on after" in done.output) == has_rows
    assert snapshot(disk / "out") == snapshot(tmp_path / "whole")
    assert names(disk) == ["out"]


@pytest.mark.thorough
def test_fit_keeps_the_old_bundle(disk, parts):
    (disk / "old.defectory").write_bytes(b"")
    leave(disk, MIB)
    before = snapshot(disk)
    for name in ("old.defectory", "new.defectory", "deep/new.defectory"):
        fit = ("fit", parts, "--size", 64, "--detector", "gaussian", "--overwrite")
        fails(*fit, "-o", disk / name)
        assert snapshot(disk) == before


def test_evaluate_writes_both_or_neither(disk, parts, bundle):
    leave(disk, 40_000)  # the figures have room, the report has not
    files = ("--json", disk / "f.json", "--report", disk / "r.html")
    fails("evaluate", bundle, parts, *files)
    assert names(disk) == ["full"]
    (disk / "full").unlink()
    assert run("evaluate", bundle, parts, *files).exit_code == 0
    before = snapshot(disk)
    leave(disk, 40_000)
    fails("evaluate", bundle, parts, *files, "--overwrite")
    (disk / "full").unlink()
    assert snapshot(disk) == before


def test_simulate_keeps_the_old_folder(disk, parts):
    arguments = ("simulate", parts, "--size", 64, "-o", disk / "out", "--overwrite")
    assert run(*arguments, "--n", 2).exit_code == 0
    leave(disk, 100_000)
    before = snapshot(disk)
    fails(*arguments, "--n", 50)
    assert snapshot(disk) == before
