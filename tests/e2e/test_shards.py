"""Shards under faults: kills, two at once, a full disk, damage, mixed runs; one process says the same."""

import json
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pyarrow
import pyarrow.parquet
import pytest

from defectory.artifacts import load_bundle
from defectory.storage.markers import read_content
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.shards.records import ShardDone, read_record, write_record
from tests.e2e.conftest import leave, run
from tests.e2e.test_kills import Server
from tests.pictures import write_mvtec
from tests.unit.storage.places import snapshot

PAGE = (Path(__file__).parents[2] / "docs/how-to/many-machines.md").read_text()
N = 3
CHUNK = ("--chunk-size", 8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images with odd names, one damaged."""
    root = tmp_path_factory.mktemp("shards") / "data"
    write_mvtec(root, n_train=1, n_good=60, n_defective=6, size_px=48)
    odd = [root / "test/good" / name for name in ("10 ä.png", os.fsdecode(b"\xe9.png"), "img2.PNG")]
    for path in odd:
        shutil.copy(root / "test/good/000.png", path)
    (root / "test/scratch/broken.png").write_bytes(b"no image")
    return root / "test"


@pytest.fixture(scope="module")
def whole(bundle, data):
    """What one process writes."""
    out = data.parent / "whole"
    for name in ("jsonl", "csv"):
        options = ("--skip-unreadable", "--format", name)
        result = run("score", bundle, data, "-o", out / name, *options)
        assert result.exit_code == 0, result.output
    return {name: (out / name / f"scores.{name}").read_bytes() for name in ("jsonl", "csv")}


@pytest.fixture(scope="module")
def merged(bundle, data, tmp_path_factory):
    """All shards, merged; to be copied."""
    out = tmp_path_factory.mktemp("merged") / "out"
    for i in range(N):
        score(bundle, data, out, i)
    result = run("merge", out, "--format", "jsonl")
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def out(merged, tmp_path):
    return Path(shutil.copytree(merged, tmp_path / "out"))


def score(bundle, data, out, i, *options, n=N):
    result = run("score", bundle, data, "-o", out, "--shard", f"{i}/{n}", *CHUNK, *options)
    assert result.exit_code == 0, result.output
    return result.output


def refused(out):
    result = run("merge", out)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.output


def test_shards_say_what_one_process_says_to_the_byte(merged, whole):
    assert (merged / "scores.jsonl").read_bytes() == whole["jsonl"]
    copy = merged.parent / "copy"
    shutil.copytree(merged, copy)
    said = run("merge", copy, "--format", "csv").output
    assert (copy / "scores.csv").read_bytes() == whole["csv"]
    assert not (copy / "scores.jsonl").exists()  # of the merge before
    assert "70 images in 3 shards" in said
    assert "1 unreadable" in said
    assert run("merge", copy).exit_code == 0
    assert (copy / "scores.csv").read_bytes() == whole["csv"]
    summary = json.loads((copy / "summary.json").read_text())
    rows = [json.loads(line) for line in whole["jsonl"].splitlines()]
    assert summary["n_rejected"] == sum(row["is_anomalous"] is True for row in rows)
    assert [item["name"] for item in summary["rejected"]] == [row["image"] for row in rows[:10]]
    listed = json.loads((copy / "dataset.json").read_text())
    assert sum(file["n_rows"] for file in listed["files"]) == listed["n_rows"] == len(rows)
    table = pyarrow.parquet.read_table(copy / listed["files"][0]["path"])
    assert {"image", "score", "p_value", "regions", "error", "image_bytes"} <= {*table.column_names}


def test_a_shard_that_is_there_is_not_scored_again(out, bundle, data):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    for i in range(N):
        assert "were there already" in score(bundle, data, out, i)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


def test_a_manifest_in_parquet_gives_the_same_scores(bundle, data, whole, tmp_path):
    names = [row["image"] for row in map(json.loads, whole["jsonl"].splitlines())]
    names = [name for name in names if "\\x" not in name]
    rows = [{"image": f"data/{name}", "n": i} for i, name in enumerate([*names, names[0]])]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "m.parquet")
    (tmp_path / "data").symlink_to(data)
    for i in range(2):
        score(bundle, tmp_path / "m.parquet", tmp_path / "out", i, n=2)
    assert "69 images in 2 shards" in run("merge", tmp_path / "out", "--format", "jsonl").output
    found = (tmp_path / "out/scores.jsonl").read_text().replace("data/", "", 69)
    expected = [line for line in whole["jsonl"].decode().splitlines() if "image_bytes" not in line]
    key = lambda text: json.loads(text)["image"]  # noqa: E731
    for line, other in zip(
        sorted(found.splitlines(), key=key), sorted(expected, key=key), strict=True
    ):
        one, two = json.loads(line), json.loads(other)
        assert (one.pop("error") is None) == (two.pop("error") is None)
        assert one == two


def test_kills_at_random_moments_change_nothing(bundle, data, whole, tmp_path, is_thorough):
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")  # pytest shows it where a test fails
    draw, server, out = random.Random(seed), Server(), tmp_path / "out"
    try:
        work = ["command", tmp_path / "said", "score", bundle, data, "-o", out, *CHUNK, "--shard"]
        started = time.monotonic()
        server.start(*work, "0/3")
        assert server.status() == 0, (tmp_path / "said").read_text()
        whole_s = time.monotonic() - started
        shutil.rmtree(out)
        n_killed = 0
        for i in range(12):  # the first run takes longest: some come too late for those behind it
            delay_s = draw.uniform(0.1, 0.9) * whole_s
            status = server.kill(delay_s, signal.SIGKILL, *work, f"{i % N}/3")
            n_killed += status == -signal.SIGKILL
            if status == 0:
                whole_s /= 2
            if i >= (3 if is_thorough else 1) and n_killed:
                break
        assert n_killed
        for i in range(N):
            server.start(*work, f"{i}/3")
            assert server.status() == 0, (tmp_path / "said").read_text()
    finally:
        server.close()
    assert run("merge", out, "--format", "jsonl").exit_code == 0
    assert (out / "scores.jsonl").read_bytes() == whole["jsonl"]
    assert not list(out.rglob("*.part"))
    assert not list(tmp_path.glob(".out*"))


def test_the_commands_of_the_page_run_as_processes(bundle, data, whole, tmp_path):
    """By xargs with a shard twice at once, by the script for Slurm, by the arguments for Kubernetes."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/defectory"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m defectory "$@"\n')
    command.chmod(0o755)
    (tmp_path / "parts.defectory").symlink_to(bundle)
    (tmp_path / "images").symlink_to(data)
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{root / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "SLURM_ARRAY_TASK_ID": "2",
        "OMP_NUM_THREADS": "1",
    }
    by_xargs = next(line for line in PAGE.splitlines() if "| xargs" in line)
    assert by_xargs.startswith("seq 0 15 | xargs -P 4 ")
    by_xargs = by_xargs.replace("seq 0 15", "printf '0\\n0\\n'").replace("/16", "/3")
    by_slurm = re.search(r"```bash\n(.*?)```", PAGE, re.DOTALL)[1].replace("/16", "/3")
    for script in (by_xargs, by_slurm):
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    lists = re.findall(r"(?:command|args): \[(.*)\]", PAGE)
    words = ", ".join(lists).replace("$(JOB_COMPLETION_INDEX)/16", "1/3").split(", ")
    places = {"/data/images.parquet": tmp_path / "images"}
    arguments = [places.get(w, w.replace("/data", str(tmp_path))) for w in words[1:]]
    assert words[0] == "defectory"
    assert run(*arguments).exit_code == 0
    assert run("merge", tmp_path / "out", "--format", "jsonl").exit_code == 0
    found = (tmp_path / "out/scores.jsonl").read_bytes()
    strip = re.compile(rb'"error": "[^"]*"')  # names the file as it was given
    assert strip.sub(b"", found) == strip.sub(b"", whole["jsonl"])


def test_a_full_disk_is_one_line_and_whole_files_stay(disk, bundle, data, whole):
    out = disk / "out"
    for i in range(N - 1):
        score(bundle, data, out, i)
    leave(disk, 24_000)
    result = run("score", bundle, data, "-o", out, "--shard", "2/3", *CHUNK)
    assert result.exit_code == 1
    said = result.output.splitlines()[-1]
    assert said.startswith(f"defectory: cannot write {out / 'shard-0002-of-0003'}: ")
    assert "No space left on device" in said
    assert "images of shard 2/3 are done and kept: run the same command again to go on" in said
    assert "shard 2 is not complete" in refused(out)
    kept = snapshot(out / "shard-0002-of-0003")
    (disk / "full").unlink()
    assert "were there already" in score(bundle, data, out, 2)
    now = snapshot(out / "shard-0002-of-0003")
    assert {name: now[name] for name in kept} == kept
    assert run("merge", out, "--format", "jsonl").exit_code == 0
    assert (out / "scores.jsonl").read_bytes() == whole["jsonl"]


def test_what_is_missing_is_said_with_its_command(out, bundle, data):
    shutil.rmtree(out / "shard-0001-of-0003")
    (out / "shard-0002-of-0003/shard.json").unlink()
    before = snapshot(out)
    said = refused(out)
    assert "of 3 shards 2 are missing or not to be used; run" in said
    command = f"defectory score {bundle} {data} --chunk-size 8 --shard 1/3 -o {out}"
    assert f"  shard 1 is missing:  {command}\n" in said
    assert re.search(
        r"  shard 2 is not complete \(\d files so far\):  defectory score .* 2/3", said
    )
    assert snapshot(out) == before
    assert run(*command.split()[1:]).exit_code == 0
    score(bundle, data, out, 2)
    assert run("merge", out).exit_code == 0


def test_damaged_files_are_found_and_made_anew(out, bundle, data, whole):
    chunk = out / "shard-0001-of-0003/chunk-000001.parquet"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    (out / "shard-0002-of-0003/chunk-000000.parquet").unlink()
    said = refused(out)
    assert "shard 1 has a damaged file, chunk-000001.parquet:  defectory score" in said
    assert "shard 2 has a missing file, chunk-000000.parquet:  defectory score" in said
    for i in (1, 2):
        score(bundle, data, out, i)
    assert run("merge", out).exit_code == 0
    assert (out / "scores.jsonl").read_bytes() == whole["jsonl"]


@pytest.mark.parametrize("what", ["bundle", "promise"])
def test_a_shard_of_another_run_is_named(what, out, bundle, data, tmp_path):
    other, options = bundle, ("--false-reject-rate", "0.1")
    if what == "bundle":
        other, options = tmp_path / "other.defectory", ()
        model = CalibratedDetector(load_bundle(bundle))
        model.with_false_reject_rate(0.2).save(other)
    result = run("score", other, data, "-o", out, "--shard", "0/3", *CHUNK, *options)
    assert result.exit_code == 1
    assert f"holds shards of another {what}; choose another folder" in result.output
    score(other, data, tmp_path / "else", 0, *options)
    shutil.rmtree(out / "shard-0000-of-0003")
    shutil.copytree(tmp_path / "else/shard-0000-of-0003", out / "shard-0000-of-0003")
    assert f"shard 0 is of another {what}; remove {out}/shard-0000-of-0003, then:" in refused(out)


def test_another_machine_with_other_places_and_clocks_adds_the_same(
    out, bundle, data, whole, tmp_path
):
    """Its copies of the images lie elsewhere, are as old as its clock says, and come in another order."""
    elsewhere = tmp_path / "mnt"
    elsewhere.mkdir()
    names = sorted(path.relative_to(data) for path in data.rglob("*.*"))
    for path in reversed(names):
        (elsewhere / path).parent.mkdir(exist_ok=True)
        shutil.copy(data / path, elsewhere / path)
        os.utime(elsewhere / path, (5e9, 5e9))
    assert "were there" not in score(bundle, elsewhere, out, 1)
    assert run("merge", out).exit_code == 0
    strip = re.compile(rb'"error": "[^"]*"')  # names the file as it was given
    assert strip.sub(b"", (out / "scores.jsonl").read_bytes()) == strip.sub(b"", whole["jsonl"])


def test_images_that_came_meanwhile_are_noticed(bundle, data, tmp_path):
    images, out = tmp_path / "data", tmp_path / "out"
    images.mkdir()
    for path in sorted(data.glob("good/00*.png")):
        shutil.copy(path, images)
    for i in range(2):
        score(bundle, images, out, i)
    shutil.copy(data / "good/020.png", images)
    score(bundle, images, out, 2)
    said = refused(out)
    assert "shard 2 saw another list of images, of 11 and not 10" in said
    for i in range(2):
        score(bundle, images, out, i)
    assert "11 images in 3 shards" in run("merge", out).output
    (images / "020.png").unlink()
    for i in range(N):
        score(bundle, images, out, i)
    assert "10 images in 3 shards" in run("merge", out).output


def test_a_shard_under_another_name_and_rows_of_others_are_noticed(out):
    shutil.rmtree(out / "shard-0000-of-0003")
    shutil.copytree(out / "shard-0001-of-0003", out / "shard-0000-of-0003")
    assert "shard 0 is shard 1 under another name" in refused(out)


@pytest.mark.parametrize("what", ["an image twice", "an image of another shard"])
def test_rows_that_do_not_belong_there_are_noticed(what, out):
    """Even where all checksums say that this is what was written."""
    place, other = out / "shard-0000-of-0003", out / "shard-0001-of-0003"
    done = read_record(place / "shard.json", ShardDone)
    table = pyarrow.parquet.read_table(place / "chunk-000000.parquet")
    more = (
        table
        if what == "an image twice"
        else pyarrow.parquet.read_table(other / "chunk-000000.parquet")
    )
    pyarrow.parquet.write_table(
        pyarrow.concat_tables([table, more.slice(0, 1)]), place / "chunk-000000.parquet"
    )
    content = read_content(place / "chunk-000000.parquet")
    changes = {"sha256": content.sha256, "n_bytes": content.n_bytes, "n_rows": len(table) + 1}
    chunks = [msgspec.structs.replace(done.chunks[0], **changes), *done.chunks[1:]]
    write_record(msgspec.structs.replace(done, chunks=chunks), place / "shard.json")
    assert f"shard 0 holds {what} (" in refused(out)


def test_names_that_are_no_text_are_taken_on_the_command_line(bundle, data, tmp_path):
    images = tmp_path / os.fsdecode(b"\xe9")
    images.mkdir()
    shutil.copy(data / "good/000.png", images)
    score(bundle, images, tmp_path / "out", 0, n=1)
    assert run("merge", tmp_path / "out").exit_code == 0


def test_images_that_can_be_read_again_are_tried_again(bundle, data, tmp_path):
    images = tmp_path / "data"
    images.mkdir()
    shutil.copy(data / "good/000.png", images)
    good = (images / "000.png").read_bytes()
    times = (images / "000.png").stat()
    (images / "000.png").write_bytes(bytes(len(good)))
    os.utime(images / "000.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "1 unreadable" in score(bundle, images, tmp_path / "out", 0, n=1)
    assert "1 unreadable; 1 were there" in score(bundle, images, tmp_path / "out", 0, n=1)
    (images / "000.png").write_bytes(good)  # as where a share was away for a moment
    os.utime(images / "000.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "unreadable" not in score(bundle, images, tmp_path / "out", 0, n=1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--shard", "3/3"], "of 3 shards the first is 0/3 and the last 2/3"),
        (["--shard", "one"], "'one' is no shard; write it like 3/16"),
        (["--shard", "0/0"], "there are 1 to 100,000 shards"),
        (["--shard", "0/3", "--heatmaps"], "--shard does not go with --heatmaps"),
        (
            ["--shard", "0/3", "--format", "csv"],
            "--shard does not go with --format: say it to merge",
        ),
        (["--shard", "0/3", "--excel"], "--shard does not go with --excel"),
        (["--shard", "0/3", "--alarm", "a.json"], "--shard does not go with --alarm"),
        (["--shard", "0/3", "--fdr", "0.1"], "--shard does not go with --fdr"),
        (["--shard", "0/3", "--max-memory", "2GB"], "--shard does not go with --max-memory"),
        (["--shard", "0/3", "--overwrite"], "--shard does not go with --overwrite"),
        (["--shard", "0/3", "more"], "--shard takes one folder or list"),
        (["--chunk-size", "3"], "--chunk-size goes with --shard"),
    ],
)
def test_what_does_not_go_with_shards_is_said(options, says, tmp_path):
    result = run("score", "b", "images", "-o", tmp_path / "out", *options)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert says in " ".join(result.output.split())


def test_folders_of_others_stay(bundle, data, tmp_path, out):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/note.txt").write_text("mine")
    result = run("score", bundle, data, "-o", tmp_path / "mine", "--shard", "0/3")
    assert "holds what is no shard (note.txt); it stays" in result.output
    result = run("score", bundle, data, "-o", data / "out", "--shard", "0/3")
    assert "lies inside the input" in result.output
    assert "holds no shards; make them:  defectory score" in refused(tmp_path / "mine")
    assert (
        "holds shards of a collection in 3 shards, not 4"
        in run("score", bundle, data, "-o", out, "--shard", "0/4", *CHUNK).output
    )
    (out / "scores.jsonl").write_text("mine")
    assert "is not an unchanged table of merge that defectory wrote; it stays" in refused(out)
