"""No name of an image loses a run or leads out of the output."""

import csv
import json
import os

import pyarrow.parquet
import pytest

from defectory.sources import read_dataset
from tests.e2e.conftest import run
from tests.unit.storage.places import snapshot


@pytest.fixture
def strange(parts, tmp_path):
    """A manifest of images with names that lead elsewhere, and of what file systems allow."""
    picture = (parts / "test/good/000.png").read_bytes()
    work = tmp_path / "work"
    (work / "data/deep").mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(picture)
    (tmp_path / "absolute.png").write_bytes(picture)
    inside = [
        "usual.png", "USUAL.png", "caf\udce9.png", "caf\udcea.png", "a\nb.png", "con.png", "x\ty.png",
        "a:b?.png", "back\\slash.png", "C:\\x.png", "-o.png", "=1+1.png", "deep/é.png", "deep/e\u0301.png",
        "n" * 240 + ".png", "n" * 239 + "m.png", "space .png", "\x1b[31mred.png", "p.png",
    ]  # fmt: skip
    (work / "data/other.png").write_bytes(picture)
    (work / "data/p.png.png").mkdir()
    inside.append("p.png.png/q.png")
    for name in inside:
        (work / "data" / name).write_bytes(picture)
    listed = ["../../outside.png", str(tmp_path / "absolute.png"), "deep/../other.png", *inside]
    rows = "".join(json.dumps({"path": name}) + "\n" for name in listed)
    (work / "data/list.jsonl").write_text(rows)
    return work, listed


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
def test_every_image_has_its_row_and_its_heatmap_inside(file_format, strange, bundle, tmp_path):
    work, listed = strange
    before = snapshot(tmp_path)
    out = work / "out"
    result = run(
        "score", bundle, work / "data/list.jsonl", "-o", out, "--heatmaps", "--format", file_format
    )
    assert result.exit_code == 0, result.output
    heatmaps = [path for path in (out / "heatmaps").rglob("*") if path.is_file()]
    assert len(heatmaps) == len(listed)
    assert len({path.relative_to(out).as_posix().casefold() for path in heatmaps}) == len(listed)
    rows = _read(out / f"scores.{file_format}")
    assert len(rows) == len(listed)
    assert {(out / row["heatmap"]) for row in rows} == set(heatmaps)
    for row, name in zip(rows, listed, strict=True):
        assert row["image"].encode()  # valid Unicode
        if "\udce9" in name or "\udcea" in name:
            assert "\\x" in row["image"]
            if file_format == "jsonl":
                assert os.fsdecode(bytes.fromhex(row["image_bytes"])) == name
        else:
            assert row["image"] == name
    after = snapshot(tmp_path)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith("work/out") for name in set(after) - set(before))


def _read(path):
    content = path.read_bytes()
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    text = content.decode()  # strictly UTF-8
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_other_commands_take_strange_names(strange, bundle, tmp_path):
    work, listed = strange
    for name in (name for name in listed[3:] if "/" not in name):
        kind = "good" if len(name) % 2 else "defect"
        (work / "set" / kind).mkdir(parents=True, exist_ok=True)
        (work / "set" / kind / name).write_bytes((work / "data" / name).read_bytes())
    for command in (
        ("evaluate", bundle, work / "set", "--json", work / "f.json", "--report", work / "r.html"),
        ("simulate", work / "set/good", "-o", work / "simulated", "--n", 3, "--size", 32),
        ("outliers", work / "data", "-o", work / "outliers", "--time-budget", "60s"),
    ):
        result = run(*command)
        assert result.exit_code == 0, result.output
    (work / "r.html").read_bytes().decode()
    (work / "f.json").read_bytes().decode()
    (work / "outliers/outliers.csv").read_bytes().decode()
    (work / "outliers/outliers.jsonl").read_bytes().decode()


@pytest.mark.parametrize("to", ["coco", "labelme", "cvat", "label-studio"])
def test_labels_of_strange_names_go_to_a_tool_and_come_back(to, strange):
    work, listed = strange
    data, labels, out = work / "data/list.jsonl", work / "labels", work / "out"
    result = run("labels", "export", data, "-o", labels, "--to", to)
    assert result.exit_code == 0, result.output
    result = run("labels", "import", labels, data, "-o", out)
    assert result.exit_code == 0, result.output
    # XML cannot hold bytes that are no text or an escape; LabelMe's paths may have backslashes for slashes
    lost = {"cvat": 3, "labelme": 3}.get(to, 0)
    assert (f"{lost} images of the labels not found" in result.output) == bool(lost)
    assert len(read_dataset(out / "manifest.csv")) == len(listed)


def test_an_output_whose_name_is_no_text_is_written_and_told(parts, bundle, tmp_path):
    out = tmp_path / "caf\udce9\nnew"
    result = run("score", bundle, parts / "test", "-o", out)
    assert result.exit_code == 0, result.output
    refused = run("score", bundle, parts / "test", "-o", out)
    assert refused.exit_code == 1
    assert refused.output.count("\n") == 1
    assert "caf\\xe9\\nnew exists already" in refused.output
