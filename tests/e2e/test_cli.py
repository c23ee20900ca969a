"""The command line as a user meets it."""

import csv
import html.parser
import json
import os
import re
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest
from PIL import Image

import defectory
from defectory.artifacts import load_bundle
from defectory.cli import names as cli_names
from defectory.cli import options as cli_options
from defectory.detectors import detector_names, find_detector
from defectory.detectors.evidence.speeds import SPEEDS
from defectory.domain import DEVICES
from tests.caches import with_backbone
from tests.detectors import SLOW, every_detector
from tests.e2e.conftest import run
from tests.pictures import write_mvtec


def test_fit_says_what_it_learned_from_and_what_it_promises(parts, tmp_path):
    result = run("fit", parts, "-o", tmp_path / "b", "--size", 64)
    assert result.exit_code == 0
    assert "Learned from 16 images (16 normal, 0 unlabeled)" in result.output
    assert "needs 283 more good images than the 16 there are" in result.output


def test_fit_says_what_it_will_take_on_standard_error_unless_quiet(parts, tmp_path):
    settings = ("--size", 64, "--speed", "fast")
    told = run("fit", parts, "-o", tmp_path / "b", *settings)
    assert "fitting auto, fast, on 16 images: takes about " in told.stderr
    assert "takes about" not in told.stdout
    quiet = run("fit", parts, "-o", tmp_path / "quiet", *settings, "--quiet")
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    assert load_bundle(tmp_path / "b").detector.config()["speed"] == "fast"


@pytest.mark.parametrize("detector", every_detector(slow=("mcod", "mapl", SLOW)))
def test_every_detector_goes_from_fit_to_score(detector, parts, tmp_path):
    hurry = ["--time-budget", "8s"] if find_detector(detector).capabilities.needs_torch else []
    fitted = run("fit", parts, "-o", tmp_path / "b", "--size", 64, "--detector", detector, *hurry)
    assert fitted.exit_code == 0, fitted.output
    command = ("score", tmp_path / "b", parts / "test", "-o", tmp_path / "out", "--heatmaps")
    scored = run(*command)
    assert scored.exit_code == 0, scored.output
    assert "Scored 12 images" in scored.output
    has_maps = find_detector(detector).capabilities.localizes
    assert (tmp_path / "out/heatmaps").is_dir() == has_maps
    assert ("there are no heatmaps" in scored.output) == (not has_maps)


def test_the_detectors_of_the_command_line_are_the_registry():
    assert detector_names() == cli_names.DETECTORS
    assert cli_options.DEVICES == DEVICES
    assert tuple(SPEEDS) == cli_options.SPEEDS


@pytest.mark.parametrize(
    ("command", "detector"), [("fit", ["--detector", "mapl"]), ("outliers", [])]
)
def test_a_gpu_that_is_not_there_is_said_before_work_starts(
    command, detector, parts, tmp_path, monkeypatch
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = run(command, parts, "-o", tmp_path / "b", *detector, "--device", "cuda")
    assert found.exit_code == 1
    assert "no CUDA device here; use the device cpu" in found.output
    assert not list(tmp_path.iterdir())


def test_scores_are_the_same_in_every_format(bundle, parts, tmp_path):
    for name in ("jsonl", "csv", "parquet"):
        result = run("score", bundle, parts / "test", "-o", tmp_path / name, "--format", name)
        assert result.exit_code == 0, result.output
    lines = (tmp_path / "jsonl/scores.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    with (tmp_path / "csv/scores.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    arrow = pyarrow.parquet.read_table(tmp_path / "parquet/scores.parquet").to_pylist()
    assert [row["image"] for row in rows] == [row["image"] for row in table]
    assert [row["score"] for row in rows] == [float(row["score"]) for row in table]
    assert [row["score"] for row in rows] == [row["score"] for row in arrow]
    assert [row["regions"] for row in rows] == [json.loads(row["regions"]) for row in table]


def test_regions_lie_in_the_original_image_and_only_where_it_is_rejected(bundle, parts, tmp_path):
    run("score", bundle, parts / "test", "-o", tmp_path / "out", "--false-reject-rate", 0.3)
    rows = [json.loads(x) for x in (tmp_path / "out/scores.jsonl").read_text().splitlines()]
    assert any(row["regions"] for row in rows)
    for row in rows:
        assert bool(row["regions"]) == row["is_anomalous"] == (row["score"] > row["threshold"])
        for region in row["regions"]:
            assert 0 <= region["x_px"] <= region["peak_x_px"] < 96
            assert region["x_px"] + region["width_px"] <= 96


def test_heatmaps_are_pictures_of_the_images(bundle, parts, tmp_path):
    run("score", bundle, parts / "test", "-o", tmp_path / "out", "--heatmaps")
    maps = sorted((tmp_path / "out/heatmaps").rglob("*.png"))
    assert len(maps) == 12
    with Image.open(maps[0]) as picture:
        assert picture.size == (96, 96)


def test_evaluate_writes_figures_and_a_report_that_needs_nothing_else(bundle, parts, tmp_path):
    result = run(
        "evaluate", bundle, parts, "--json", tmp_path / "f.json", "--report", tmp_path / "r.html"
    )
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "f.json").read_text())
    keys = ("image_auroc", "image_ap", "pixel_auroc", "aupro", "recall_at_1pct_frr", "f1")
    for key in keys:
        low, high = figures[f"{key}_ci"]
        assert 0 <= low <= high <= 1
        assert 0 <= figures[key] <= 1
    assert (figures["n_normal"], figures["n_anomalous"]) == (6, 6)
    assert figures["image_auroc"] > 0.9
    assert figures["pixel_auroc"] > 0.8
    page = (tmp_path / "r.html").read_text()
    html.parser.HTMLParser().feed(page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="/' not in page


def test_evaluate_replaces_its_files_only_on_demand_and_says_so(bundle, parts, tmp_path):
    files = ["--json", tmp_path / "f.json", "--report", tmp_path / "r.html"]
    assert run("evaluate", bundle, parts, *files).exit_code == 0
    before = [(tmp_path / name).stat().st_ino for name in ("f.json", "r.html")]
    refused = run("evaluate", bundle, parts, *files)
    assert refused.exit_code == 1
    assert "f.json exists already; choose another name or add --overwrite" in refused.output
    done = run("evaluate", bundle, parts, *files, "--overwrite", "--quiet")
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines() == [
        f"replacing {tmp_path / 'f.json'}, figures of an evaluation",
        f"replacing {tmp_path / 'r.html'}, a report",
    ]
    assert before != [(tmp_path / name).stat().st_ino for name in ("f.json", "r.html")]


def test_evaluate_warns_of_images_it_learned_from(parts, bundle, tmp_path):
    (tmp_path / "leaky/good").mkdir(parents=True)
    (tmp_path / "leaky/defect").mkdir()
    (tmp_path / "leaky/good/a.png").write_bytes((parts / "train/good/000.png").read_bytes())
    (tmp_path / "leaky/defect/b.png").write_bytes((parts / "test/scratch/000.png").read_bytes())
    result = run("evaluate", bundle, tmp_path / "leaky", "--report", tmp_path / "leaky.html")
    told = "1 of 2 images were learned from in fit or set the threshold: they look better than new ones would"
    assert (
        f"Note: {told}, hidden defects among them, too: the figures do not say what"
        in result.output
    )
    (first, *_) = re.findall("<li>(.*?)</li>", (tmp_path / "leaky.html").read_text())
    assert first.startswith(told)  # before what the fit had to say
    scored = run("score", bundle, tmp_path / "leaky", "-o", tmp_path / "scored")
    assert f"Note: {told}; `queue` and `review` show them left out\n" in scored.output


def test_inspect_as_text_and_as_json(parts):
    text = run("inspect", parts)
    assert text.exit_code == 0
    assert "mvtec" in text.output
    data = json.loads(run("inspect", parts, "--json").stdout)
    assert data["layout"] == "mvtec"


def test_the_python_interface_gives_what_the_command_line_gives(parts, bundle, tmp_path):
    run("score", bundle, parts / "test", "-o", tmp_path / "out")
    rows = [json.loads(x) for x in (tmp_path / "out/scores.jsonl").read_text().splitlines()]
    with pytest.warns(defectory.DefectoryWarning, match="needs 283 more good images"):
        model = defectory.fit(parts, size=64)
    model.save(tmp_path / "again.defectory")
    again = defectory.load(tmp_path / "again.defectory")
    paths = [parts / "test" / row["image"] for row in rows]
    decisions = again.predict(paths)
    assert [d.score for d in decisions] == [row["score"] for row in rows]
    assert again.with_false_reject_rate(0.5).threshold.value < again.threshold.value
    assert [d.score for d in model.predict(paths)] == [d.score for d in decisions]


def test_unreadable_images_are_named_and_skipped_only_when_asked(parts, bundle, tmp_path):
    data = tmp_path / "new"
    data.mkdir()
    (data / "good.png").write_bytes((parts / "test/good/000.png").read_bytes())
    (data / "broken.png").write_bytes(b"no picture")
    refused = run("score", bundle, data, "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert "broken.png" in refused.output
    assert "give --skip-unreadable to leave such files out" in refused.output
    assert not (tmp_path / "out").exists()
    skipped = run("score", bundle, data, "-o", tmp_path / "out", "--skip-unreadable")
    assert skipped.exit_code == 0
    assert "1 unreadable" in skipped.output
    rows = [json.loads(x) for x in (tmp_path / "out/scores.jsonl").read_text().splitlines()]
    assert {row["image"]: bool(row["error"]) for row in rows} == {
        "good.png": False,
        "broken.png": True,
    }


def test_memory_and_time_are_refused_before_work_with_an_estimate(parts, tmp_path):
    small = run("fit", parts, "-o", tmp_path / "b", "--max-memory", "100MB")
    assert small.exit_code == 1
    assert "GB are allowed" in small.output
    assert "0.10 GB are allowed" in small.output
    short = run("fit", write_mvtec(tmp_path / "d", n_train=20), "-o", tmp_path / "b",
                "--size", 64, "--time-budget", "0.001s")  # fmt: skip
    assert short.exit_code == 1
    assert "time budget" in short.output
    assert not (tmp_path / "b").exists()


def test_an_output_that_exists_is_kept_unless_told_otherwise(parts, bundle, tmp_path):
    before = bundle.read_bytes()
    assert run("fit", parts, "-o", bundle).exit_code == 1
    assert bundle.read_bytes() == before
    (tmp_path / "out").mkdir()
    assert run("score", bundle, parts / "test", "-o", tmp_path / "out").exit_code == 1
    done = run("score", bundle, parts / "test", "-o", tmp_path / "out", "--overwrite")
    assert done.exit_code == 0
    assert (tmp_path / "out/scores.jsonl").exists()


@pytest.mark.thorough
def test_interrupting_fit_leaves_nothing_and_the_next_run_resumes(parts, tmp_path):
    cache = with_backbone(tmp_path / "cache")
    environment = {**os.environ, "DEFECTORY_CACHE": str(cache)}
    data = write_mvtec(tmp_path / "data", n_train=60, n_good=1, n_defective=1)
    command = [sys.executable, "-m", "defectory", "fit", str(data), "-o", str(tmp_path / "b")]
    command += ["--size", "64"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    features = cache / "features"
    deadline = time.monotonic() + 60
    while not any(features.glob("*/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    n_kept = len(list(features.glob("*/*")))
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]
    assert n_kept > 0
    written = {path: path.stat().st_ino for path in features.glob("*/*")}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert {path: path.stat().st_ino for path in written} == written  # not extracted again


def test_help_is_quick_to_import():
    heavy = "('numpy', 'torch', 'onnxruntime')"
    code = f"import sys, defectory.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
