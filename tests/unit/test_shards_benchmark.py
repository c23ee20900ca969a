"""The page shows each part of shards once it is measured, and names of parts are checked."""

import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as command_line
from benchmarks import shard_lists, shard_ray, shards, shards_plots
from benchmarks.provenance import provenance
from benchmarks.result_files import checked
from benchmarks.shards_extrapolation import duration
from benchmarks.shards_tables import shards as render
from benchmarks.tables import render as render_page

MEASURED = {
    "memory": {"n_rows": [10_000, 1_000_000], "score_mb": [200.0, 210.0], "score_s": [2.0, 100.4]},
    "listing": {
        "n_rows": [1_000, 1_000_000], "start_up_s": 0.88, "csv_s": [0.0, 4.4],
        "parquet_s": [0.1, 3.3], "folder_s": [0.0, 9.96],
    },
    "merge": {
        "n_rows": [1_000, 10_000, 1_000_000], "check_s": [0.5, 0.6, 20.0], "csv_s": [1.0, 2.0, 40.0],
        "parquet_s": [1.0, 2.0, 39.0], "check_mb": [90.0, 100.0, 110.0], "csv_mb": [90.0, 100.0, 120.0],
        "row_bytes": [112.3, 30.0, 20.2], "csv_row_bytes": [245.2, 240.0, 236.9],
    },
    "processes": {
        "processes": [1, 2, 4], "images_per_s": [40.0, 76.0, 75.0], "efficiency": 0.951,
        "efficiencies": [0.94, 0.951, 0.97], "n_scored": 2000, "n_shards": 16, "start_up_s": 0.91,
        "process_mb": 419.8, "score_one_thread_per_s": 50.0, "score_all_threads_per_s": 93.0,
    },
    "engine": {
        "n_scored": 6000, "n_shards": 16, "n_at_once": 2, "by_hand_s": 80.0, "ray_s": 82.0,
        "ray_all_there_s": 7.0, "overhead": 0.025,
    },
    "incremental": {
        "n_old": 100_000, "n_new": 1000, "half_fit_s": 200.0, "fit_s": 400.0, "fit_mb": 600.0,
        "resumed_s": 8.0, "resumed_mb": 300.0, "share": 0.0198,
    },
    "parity": {
        "n_parts": 16,
        "fits": [{
            "data_set": "tiles", "detector": "gaussian", "n_fitted": 761, "n_tested": 583,
            "score_difference": 3.2e-7, "image_auroc": 0.9641, "image_auroc_of_parts": 0.9641,
            "fit_s": 20.0, "fit_of_parts_s": 40.0,
        }],
    },
    "faults": {"n_runs": 20, "n_scored": 240, "n_shards": 4, "n_killed": 70, "n_same": 20},
    "ray-faults": {
        "n_runs": 20, "n_scored": 240, "n_shards": 4, "n_killed": 55, "n_again": 1, "n_same": 20,
        "restarted": {"n_files_before": 2, "command": "failed", "n_same": 1},
    },
}  # fmt: skip
SHOWN = {
    "memory": ("| 1,000,000 | 210 | 100.4 |", "| ratio | 1.05 |  |"),
    "listing": ("beyond the 0.9 s of a list of one", "| 1,000,000 | 4.4 | 3.3 | 10.0 |"),
    "merge": (
        "| 1,000,000 | 20.0 | 40.0 | 39.0 | 110 | 120 | 20 | 237 |",
        "| ratio to 10,000 |  |  |  | 1.10 | 1.20 |  |  |",
    ),
    "processes": ("| 2 | 76.0 | 1.90 | 0.95 |", "| 4 | 75.0 | 1.88 |  |", "0.94 to 0.97"),
    "engine": ("| 80.0 | 82.0 | +2.5% | 7.0 |",),
    "incremental": ("| 400 | 600 | 8.0 | 300 | 2.0% |", "half of the old images took 200 s"),
    "parity": ("| tiles | gaussian | 761 | 3.2e-07 | 0.964 | 0.964 | 20 | 40 |",),
    "faults": ("| processes | 20 | 70 | 20 |",),
    "ray-faults": (
        "| workers | 20 | 55 | 20 |", "| cluster, and the command failed | 1 | 1 | 1 |",
    ),
}  # fmt: skip


def run_of(part):
    facts = provenance(data="d" * 64, weights="w", command="python -m benchmarks shards")
    return {"protocol": "shards", "part": part, "seed": 0, **MEASURED[part], **facts}


def test_every_part_has_a_table():
    assert {*MEASURED} == {*shards.PARTS} == {*SHOWN}


def test_the_page_shows_what_is_measured():
    runs = [checked(run_of(part)) for part in MEASURED]
    whole = render(runs)
    assert whole in render_page(runs)
    for run in runs:
        page = render([run])
        assert all(text in page for text in SHOWN[run["part"]]), page
        assert page.removeprefix(page[: page.index("**")]) in whole
    assert "## Shards" not in render_page([])


def test_what_a_large_collection_takes_is_extrapolated_once_its_inputs_are_there():
    needed = ("processes", "listing", "merge")
    page = render([run_of(part) for part in needed])
    # 2,000 images in 50 s, 16 starts of .91 s of it, efficiency .951; 1,024 shards by 256 processes
    assert "54 images/s a process" in page
    assert "| 100,000,000 | 256 | 1,024 | 2.4 h | 15.3% | 33 min | 67 min | 2 GB |" in page
    assert "xtrapolated" not in render([run_of(part) for part in needed[:2]])
    assert [duration(s) for s in (40, 700, 12_600, 180_000)] == ["40 s", "12 min", "3.5 h", "2.1 d"]


def test_the_drawing_has_a_curve_for_each_cost():
    runs = [run_of(part) for part in ("processes", "listing", "merge")]
    (drawing,) = shards_plots.figures(runs).values()
    root = ElementTree.fromstring(drawing)
    assert len(root.findall(".//{*}polyline")) == 1 + 2 * 4
    assert "merge, with a CSV" in drawing
    assert shards_plots.figures(runs[:2]) == {}


def test_an_unknown_part_is_told_before_anything_runs(capsys, tmp_path):
    told = ["shards", "--parts", "memory,sped", "--n-images", "4", "--out", str(tmp_path / "x")]
    assert command_line.main(told) == 2
    assert "no part is named 'sped'; there are memory, listing, merge," in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["csv", "parquet", "folder"])
def test_lists_of_any_kind_name_the_same_images(kind, tmp_path):
    from defectory.sources.listing import list_images

    path = tmp_path / f"list.{kind}"
    shard_lists._WRITERS[kind](path, 2001)
    assert sorted(list_images(path).names()) == sorted(shard_lists._names(2001))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are found in /proc")
def test_all_that_a_process_has_started_is_found_and_ended():
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    try:
        while not (started := shard_ray.descendants(process.pid)):
            assert process.poll() is None
            time.sleep(0.01)
        shard_ray.end(process.pid)
        assert process.wait() < 0
        assert not shard_ray.ray_workers(process.pid)
        until = time.monotonic() + 10
        while any(Path(f"/proc/{child}/exe").exists() for child in started):
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
