"""From a folder, a manifest or IDX files to a ranked list and a page; labels are never looked at."""

import csv
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from defectory.detectors.contrast.twins import Twins
from defectory.detectors.mcod import Mcod
from defectory.domain import (
    DataError,
    ImageReadError,
    OutputError,
    ParameterError,
    ResourceError,
)
from defectory.workflows.outliers.collection import read_collection
from defectory.workflows.outliers.exports import outliers_to_folder, write_outliers
from defectory.workflows.outliers.find import find_outliers
from defectory.workflows.outliers.ratio import RatioEstimate
from defectory.workflows.outliers.results import OutlierOptions
from tests.pictures import disc, save

FAST = {"size_px": 64, "use_cache": False}
N_BELONG, N_ODD = 50, 6


def square(rng):
    image = rng.integers(20, 40, (48, 48, 3), dtype=np.uint8)
    image[14:34, 12:36] = rng.integers(180, 220)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Discs and a few squares in folders whose names lie."""
    root, rng = tmp_path_factory.mktemp("collection"), np.random.default_rng(0)
    for i in range(N_BELONG):
        save(root / ("defect" if i % 2 else "shelf/<b>") / f"disc{i:02}.png", disc(rng, 48))
    for i in range(N_ODD):
        save(root / "good" / f"square{i}.png", square(rng))
    return root


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "new"
    options = OutlierOptions(ratio=N_ODD / (N_BELONG + N_ODD), n_groups=2, **FAST)
    return out, outliers_to_folder(folder, out, options)


def test_what_does_not_belong_leads_the_list(written):
    out, summary = written
    rows = [json.loads(line) for line in (out / "outliers.jsonl").read_text().splitlines()]
    assert [row["rank"] for row in rows] == list(range(1, N_BELONG + N_ODD + 1))
    assert all(row["image"].startswith("good/square") for row in rows[:N_ODD])
    assert [row["is_outlier"] for row in rows] == [True] * N_ODD + [False] * N_BELONG
    assert [row["score"] for row in rows] == sorted((r["score"] for r in rows), reverse=True)
    assert {row["group"] for row in rows[:N_ODD]} <= {1, 2}
    assert {row["group"] for row in rows[N_ODD:]} == {None}
    with (out / "outliers.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["image"] for row in table] == [row["image"] for row in rows]
    assert (summary["n_images"], summary["n_outliers"]) == (N_BELONG + N_ODD, N_ODD)
    assert json.loads((out / "summary.json").read_text()) == summary
    assert summary["ratio_from"] == "the share was given"
    assert sum(summary["n_images_of_slot"]) == N_BELONG + N_ODD
    assert sum(summary["n_images_of_group"]) == N_ODD


def test_the_page_shows_outliers_groups_and_slots_and_fetches_nothing(written):
    page = (written[0] / "outliers.html").read_text()
    assert "6 of 56 images do not seem to belong" in page
    assert "good/square0.png" in page
    assert 'id="group-1"' in page
    assert "Slot 1" in page
    assert "<b>" not in page.replace("<b>1</b>", "").replace("<b>2</b>", "").split("</figure>")[0]
    assert "&lt;b&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_where_nothing_stands_out_the_summary_has_no_cut(folder, tmp_path):
    found = find_outliers(folder, OutlierOptions(**FAST))
    nothing = RatioEstimate(0.0, math.inf, is_clear=False)
    quiet = replace(found, estimate=nothing, groups=np.zeros_like(found.groups))

    write_outliers(quiet, tmp_path / "out")

    text = (tmp_path / "out/summary.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["cut"] is None


def test_an_existing_folder_is_not_replaced_unasked(written, folder):
    with pytest.raises(OutputError, match="exists already"):
        outliers_to_folder(folder, written[0], OutlierOptions(**FAST))


@pytest.mark.parametrize(
    "settings",
    [{"ratio": 0.0}, {"ratio": 0.6}, {"n_groups": 0}, {"encoder": "x"}, {"time_budget_s": 0}],
)
def test_options_out_of_range_are_refused(folder, settings):
    with pytest.raises(ParameterError):
        find_outliers(folder, OutlierOptions(**{**FAST, **settings}))


def slow_reading(monkeypatch, each_s, load_s=0.0):
    """Let every image take so long to read, and the encoder to load."""

    def time_reading(detector, images):
        return (load_s + each_s * len(images)) / len(images)

    monkeypatch.setattr(Mcod, "time_reading", time_reading)


def test_a_time_budget_leaves_training_what_reading_does_not_take(folder, monkeypatch):
    slow_reading(monkeypatch, each_s=1.0, load_s=500.0)
    found = find_outliers(folder, OutlierOptions(time_budget_s=156, **FAST))
    # 56 images take 56 of the 156 s, loading counts once and is over; scores and pictures take a fifth
    assert found.detector.resources.time_budget_s == pytest.approx(80, abs=4)
    assert find_outliers(folder, OutlierOptions(**FAST)).detector.resources.time_budget_s is None


def test_a_time_budget_that_reading_exceeds_is_refused_before_work(folder, monkeypatch):
    slow_reading(monkeypatch, each_s=1.0)
    with pytest.raises(
        ResourceError, match="30 s is too short: reading 56 images needs about 56 s"
    ):
        find_outliers(folder, OutlierOptions(time_budget_s=30, **FAST))


@pytest.mark.thorough
def test_a_time_budget_is_kept_by_training_in_fewer_steps(folder, monkeypatch):
    """All 30 steps would take 12 s; the schedule is planned to its proper end."""
    step = Twins.step

    def slow_step(twins, index, n_steps):
        time.sleep(0.4)
        return step(twins, index, n_steps)

    monkeypatch.setattr(Twins, "step", slow_step)
    found = find_outliers(folder, OutlierOptions(time_budget_s=6, **FAST))
    assert found.wall_s <= 6
    assert 7 <= found.detector.history_[-1]["step"] < 15
    assert len(found.scores) == N_BELONG + N_ODD


def test_too_few_images_are_an_error(tmp_path):
    save(tmp_path / "a.png", np.zeros((9, 9, 3)))
    with pytest.raises(DataError, match="1 images are too few"):
        find_outliers(tmp_path, OutlierOptions(**FAST))


def test_unreadable_images_stop_it_or_are_listed(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(9):
        save(tmp_path / f"{i}.png", disc(rng, 32))
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(ImageReadError, match=r"x\.png"):
        find_outliers(tmp_path, OutlierOptions(**FAST))
    found = find_outliers(tmp_path, OutlierOptions(skip_unreadable=True, **FAST))
    assert len(found.scores) == 9
    assert "x.png" in found.collection.notes[0]


def idx(pixels):
    header = bytes([0, 0, 8, pixels.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in pixels.shape) + pixels.tobytes()


def test_idx_files_are_read_together_and_labels_are_left_alone(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 5), dtype=np.uint8)
    (tmp_path / "b-images-idx3-ubyte").write_bytes(idx(pixels))
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx(pixels[:2]))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx(np.zeros(2, np.uint8)))
    found = read_collection(tmp_path)
    assert list(found.names) == [f"a-images-idx3-ubyte#{i:05}" for i in range(2)] + [
        f"b-images-idx3-ubyte#{i:05}" for i in range(3)
    ]
    np.testing.assert_array_equal(found.images.read([4])[0][:, :, 1], pixels[2])
    assert len(read_collection(tmp_path / "b-images-idx3-ubyte").names) == 3
    with pytest.raises(DataError, match="hold no images"):
        read_collection(tmp_path / "a-labels-idx1-ubyte")


def test_a_manifest_is_a_collection_too(folder, tmp_path):
    (folder / "list.csv").write_text("path\ngood/square0.png\ndefect/disc01.png\n")
    found = read_collection(folder / "list.csv")
    (folder / "list.csv").unlink()
    assert list(found.names) == ["good/square0.png", "defect/disc01.png"]
