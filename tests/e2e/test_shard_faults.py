"""More faults of shards: one of two at once is killed, dates, torn files, two bundles, a full TMPDIR."""

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import shard_merges, shard_place
from defectory.artifacts import load_bundle
from defectory.workflows.calibrated import CalibratedDetector
from tests.e2e.conftest import leave, run
from tests.e2e.test_kills import Server
from tests.pictures import write_mvtec
from tests.unit.storage.places import snapshot

N = 2
CHUNK = ("--chunk-size", 3)
YEARS_S = 40 * 365.25 * 24 * 3600


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "data"
    write_mvtec(root, n_train=1, n_good=21, n_defective=3, size_px=48)
    return root / "test"


@pytest.fixture(scope="module")
def whole(bundle, data):
    """What one process writes."""
    result = run("score", bundle, data, "-o", data.parent / "whole", "--format", "jsonl")
    assert result.exit_code == 0, result.output
    return (data.parent / "whole/scores.jsonl").read_bytes()


@pytest.fixture(scope="module")
def merged(bundle, data, tmp_path_factory):
    """All shards, merged; to be copied."""
    out = tmp_path_factory.mktemp("merged") / "out"
    for i in range(N):
        score(bundle, data, out, i)
    assert run("merge", out, "--format", "jsonl").exit_code == 0
    return out


@pytest.fixture
def out(merged, tmp_path):
    return Path(shutil.copytree(merged, tmp_path / "out"))


@pytest.fixture(scope="module")
def servers():
    """Two, since one waits for the process that it has started."""
    with closing(Server()) as one, closing(Server()) as other:
        yield one, other


def score(bundle, data, out, i):
    result = run("score", bundle, data, "-o", out, "--shard", f"{i}/{N}", *CHUNK)
    assert result.exit_code == 0, result.output
    return result.output


def merged_rows(out):
    result = run("merge", out, "--format", "jsonl")
    assert result.exit_code == 0, result.output
    return (out / "scores.jsonl").read_bytes()


def test_of_two_at_the_same_shard_one_is_killed(
    servers, bundle, data, whole, tmp_path, is_thorough
):
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")  # pytest shows it where a test fails
    draw, (doomed, other) = random.Random(seed), servers

    def work(out, i, said):
        return ["command", tmp_path / said, "score", bundle, data, "-o", out, *CHUNK, "--shard", i]

    started = time.monotonic()
    doomed.start(*work(tmp_path / "timed", f"0/{N}", "said"))
    assert doomed.status() == 0, (tmp_path / "said").read_text()
    shard_s = time.monotonic() - started
    killed = []
    for n in range(3):
        out = tmp_path / f"out-{n}"
        for i in range(N):
            child = doomed.start(*work(out, f"{i}/{N}", "killed"))
            other.start(*work(out, f"{i}/{N}", "said"))
            time.sleep(draw.uniform(0.1, 1) * shard_s)
            os.kill(child, signal.SIGKILL)
            killed.append(doomed.status())
            if killed[-1] == 0:
                shard_s /= 2  # the first took longer
            assert other.status() == 0, (tmp_path / "said").read_text()
        assert merged_rows(out) == whole
        for i in range(N):  # which may have been killed last
            assert "were there already" in score(bundle, data, out, i)
        assert not list(out.rglob("*.part"))
        if not is_thorough and -signal.SIGKILL in killed:
            break  # the first may come too late for those that started faster
    assert {*killed} <= {0, -signal.SIGKILL}
    assert -signal.SIGKILL in killed


def test_of_two_bundles_at_once_one_is_refused(servers, bundle, data, tmp_path):
    """Whoever comes first makes the folder; nothing of the other gets into it."""
    other = tmp_path / "other.defectory"
    CalibratedDetector(load_bundle(bundle)).with_false_reject_rate(0.2).save(other)
    for n in range(2):
        out = tmp_path / f"out-{n}"
        for server, model in zip(servers, (bundle, other), strict=True):
            told = ["score", model, data, "-o", out, "--shard", f"0/{N}", *CHUNK]
            server.start("command", tmp_path / model.name.replace("defectory", "said"), *told)
        statuses = [server.status() for server in servers]
        assert sorted(statuses) == [0, 1]
        refused = (bundle, other)[statuses.index(1)]
        said = (tmp_path / refused.name.replace("defectory", "said")).read_text()
        assert f"defectory: {out} holds shards of another bundle; choose another folder" in said
        begun = json.loads((out / "shards.json").read_bytes())
        for path in out.rglob("*.json"):
            assert json.loads(path.read_bytes())["run"] == begun["run"]


@pytest.mark.parametrize("years", [-55, 70])
def test_dates_of_files_do_not_matter(years, out, bundle, data, whole):
    """As where a machine's clock is years off: what is there is kept, and what is missing is added."""
    (out / "shard-0001-of-0002/shard.json").unlink()
    (out / "shard-0001-of-0002/chunk-000001.json").unlink()
    now = time.time()
    for i, path in enumerate(sorted(out.rglob("*"))):
        then = max(0, now + years / 40 * YEARS_S + i)
        os.utime(path, (then, then))
    before = snapshot(out / "shard-0000-of-0002")
    for i in range(N):
        assert "were there already" in score(bundle, data, out, i)
    now = snapshot(out / "shard-0000-of-0002")
    assert {name: now[name] for name in before if "shard.json" not in name} == {
        name: before[name] for name in before if "shard.json" not in name
    }
    assert merged_rows(out) == whole


@pytest.mark.parametrize("kept", [0, 0.5])
@pytest.mark.parametrize("name", ["chunk-000000.parquet", "chunk-000000.json", "shard.json"])
def test_a_torn_file_is_noticed_and_made_anew(name, kept, out, bundle, data, whole):
    path = out / "shard-0001-of-0002" / name
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    result = run("merge", out)
    if name == "chunk-000000.json":  # what shard.json says suffices
        assert result.exit_code == 0
    else:
        assert result.exit_code == 1
        assert "  shard 1 " in result.output
        assert "--shard 1/2" in result.output
    score(bundle, data, out, 1)
    assert merged_rows(out) == whole


@pytest.mark.parametrize("kept", [None, 0, 0.5])
def test_a_torn_file_that_all_shards_need_is_made_anew(kept, out, bundle, data, whole, tmp_path):
    path = out / "shards.json"
    content = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(content[: int(kept * len(content))])
    result = run("merge", out)
    assert result.exit_code == 1
    assert "shards.json in it is missing or damaged; run any of its shards again" in result.output
    assert "were there already" in score(bundle, data, out, 0)
    assert path.read_bytes() == content
    assert merged_rows(out) == whole


def test_such_a_file_of_others_stays(bundle, data, tmp_path):
    (tmp_path / "out/shard-0000-of-0001").mkdir(parents=True)
    (tmp_path / "out/shards.json").write_text("[]")
    result = run("score", bundle, data, "-o", tmp_path / "out", "--shard", "0/1")
    assert result.exit_code == 1
    assert "holds what is no shard" in result.output
    assert (tmp_path / "out/shards.json").read_text() == "[]"


def test_a_full_folder_for_temporary_files_is_named(disk):
    """In a process of its own: SQLite asks once where that folder is."""
    leave(disk, 2**20)
    program = (
        "from defectory.workflows.shards.disk_sorting import DiskSorter\n"
        "with DiskSorter() as sorter:\n"
        "    sorter.add((b'%d' % i, bytes(1000)) for i in range(9000))\n"
    )
    environment = os.environ | {"TMPDIR": str(disk)}
    environment.pop("SQLITE_TMPDIR", None)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert f"cannot sort in {disk}: " in last
    assert "name another folder in TMPDIR" in last
    assert [path.name for path in disk.iterdir()] == ["full"]


def test_rows_of_the_benchmark_merge_as_scored_ones_do(bundle, data, tmp_path):
    (tmp_path / shard_place.PARTS).symlink_to(bundle)
    result = run("score", bundle, data, "-o", tmp_path / "repeated", "--shard", "0/1")
    assert result.exit_code == 0, result.output
    shard_merges.write_shards(tmp_path, tmp_path / "out", 100, seed=0)
    rows = [json.loads(line) for line in merged_rows(tmp_path / "out").splitlines()]
    assert {row["image"] for row in rows} == {f"{i:09}.png" for i in range(100)}
    assert len({row["score"] for row in rows}) == 100
