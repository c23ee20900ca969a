"""Data, bundles and shards in a real object store (moto's server) and on a web server with faults."""

import json
import logging
import os
import random
import secrets
import shutil
import signal
import sys
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pyarrow
import pyarrow.parquet
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import ThreadedMotoServer

from defectory.artifacts import load_bundle
from defectory.remote import retries, stores
from tests.e2e.conftest import run
from tests.e2e.test_kills import Server
from tests.pictures import write_mvtec

N = 2
CHUNK = ("--chunk-size", 4)


@pytest.fixture(scope="module")
def store():
    """An object store on this machine, and where its clients find it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key-of-a-test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-a-test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        stores._open.cache_clear()
        files = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
        files.mkdir("pictures")
        files.mkdir("results")
        yield files
    stores._open.cache_clear()
    server.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory, store):
    """Images here, and the same in the bucket `pictures`."""
    root = tmp_path_factory.mktemp("remote") / "parts"
    write_mvtec(root, n_train=16, n_good=12, n_defective=4, size_px=64)
    for name in ("10 ä%20?.png", "'a'.png", "#1.png"):
        shutil.copy(root / "test/good/000.png", root / "test/good" / name)
    store.put(f"{root}/", "pictures/parts/", recursive=True)
    return root


@pytest.fixture(scope="module")
def whole(bundle, data):
    """What one process writes of the images here."""
    out = data.parent / "whole"
    done("score", bundle, data / "test", "-o", out)
    return (out / "scores.jsonl").read_bytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def done(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments, status=1):
    result = run(*arguments)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    return result.output


def rows_in(content):
    return {row["image"]: row for row in map(json.loads, content.splitlines())}


def test_a_bucket_is_scored_as_the_folder_is(bundle, data, whole, cache, tmp_path):
    out = tmp_path / "out"
    said = done("score", bundle, "s3://pictures/parts/test/", "-o", out)
    assert (out / "scores.jsonl").read_bytes() == whole
    assert "19 images in 1 shard" in said
    assert not any(cache.rglob("*.png"))  # nothing of it stays


def test_a_missing_object_is_a_row_and_not_the_end(bundle, data, store, whole, cache, tmp_path):
    names = [*rows_in(whole), "good/gone.png"]
    table = pyarrow.table({"path": names})
    with store.open("pictures/parts/test/list.parquet", "wb") as file:
        pyarrow.parquet.write_table(table, file)
    done("score", bundle, "s3://pictures/parts/test/list.parquet", "-o", tmp_path / "a")
    rows = rows_in((tmp_path / "a/scores.jsonl").read_bytes())
    gone = rows.pop("good/gone.png")
    assert gone["error"] == "cannot read s3://pictures/parts/test/good/gone.png: no such object"
    assert rows == rows_in(whole)
    # a list here may name what is there, beside files
    (tmp_path / "one.png").write_bytes((data / "test/good/001.png").read_bytes())
    lines = ["path", "s3://pictures/parts/test/good/001.png", "s3://results/x.png", "one.png"]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    done("score", bundle, tmp_path / "list.csv", "-o", tmp_path / "b")
    rows = rows_in((tmp_path / "b/scores.jsonl").read_bytes())
    assert {*rows} == {*lines[1:]}
    assert rows["one.png"]["score"] == rows[lines[1]]["score"]
    assert "no such object" in rows["s3://results/x.png"]["error"]


@pytest.mark.thorough
def test_shards_in_a_bucket_are_killed_and_gone_on_with(
    bundle, data, store, whole, cache, tmp_path
):
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")  # pytest shows it where a test fails
    draw, server, out = random.Random(seed), Server(), "s3://results/killed"
    work = [bundle, "s3://pictures/parts/test", "-o", out, *CHUNK, "--shard"]
    try:
        for i in range(3):
            said = ["command", tmp_path / "said", "score", *work, f"{i % N}/{N}"]
            server.kill(draw.uniform(0.1, 2), signal.SIGKILL, *said)
    finally:
        server.close()
    if not store.exists("results/killed/shard-0001-of-0002/shard.json"):
        assert "defectory score" in refused("merge", out)
    for i in range(N):
        done("score", *work, f"{i}/{N}")
    before = {path: info["LastModified"] for path, info in _objects(store, "results/killed")}
    assert "were there already" in done("score", *work, f"0/{N}")
    assert {
        path: info["LastModified"]
        for path, info in _objects(store, "results/killed")
        if "chunk" in path
    } == {path: time for path, time in before.items() if "chunk" in path}
    done("merge", out, "--format", "jsonl")
    assert store.cat_file("results/killed/scores.jsonl") == whole
    done("merge", out, "--format", "csv")  # replaces what it has written itself
    assert not store.exists("results/killed/scores.jsonl")
    store.pipe_file("results/killed/shard-0000-of-0002/chunk-000000.parquet", b"damaged")
    assert "damaged file" in refused("merge", out)
    assert "in 2 shards, not 3" in refused("score", *work, "0/3")


def _objects(store, folder):
    return store.find(folder, detail=True).items()


def test_a_fit_from_a_bucket_is_that_from_the_folder(data, store, cache, tmp_path):
    here, there = tmp_path / "here.defectory", "s3://results/there.defectory"
    done("fit", data, "-o", here, "--size", 64)
    said = done("fit", "s3://pictures/parts", "-o", there, "--size", 64)
    assert f"Wrote {there}" in said
    assert str(cache) not in said
    store.get_file("results/there.defectory", str(tmp_path / "there.defectory"))
    one, other = load_bundle(here), load_bundle(tmp_path / "there.defectory")
    assert one.facts.data == other.facts.data
    assert one.calibration.scores.tolist() == other.calibration.scores.tolist()
    assert all(
        (array == other.detector.arrays()[name]).all()
        for name, array in one.detector.arrays().items()
    )
    # nothing is fetched twice; what is gone or new there is so here
    copies = cache / "remote/s3/pictures/parts"
    before = {path: path.stat().st_mtime_ns for path in copies.rglob("*.png")}
    store.pipe_file(
        "pictures/parts/train/good/000.png", store.cat_file("pictures/parts/train/good/001.png")
    )
    moved = store.cat_file("pictures/parts/train/good/015.png")
    store.rm_file("pictures/parts/train/good/015.png")
    inspected = done("inspect", "s3://pictures/parts")
    assert "s3://pictures/parts" in inspected
    assert "15" in inspected
    after = {path: path.stat().st_mtime_ns for path in copies.rglob("*.png")}
    changed = {path.name for path in before if before[path] != after.get(path)}
    assert changed == {"000.png", "015.png"}
    store.put(f"{data}/train/", "pictures/parts/train/", recursive=True)
    assert moved
    assert "exists already" in refused("fit", "s3://pictures/parts", "-o", there)
    figures = tmp_path / "figures.json"
    said = done("evaluate", there, "s3://pictures/parts", "--json", figures)
    assert json.loads(figures.read_text())["n_anomalous"] == 4
    assert "remote" in done("cache")
    done("cache", "clear", "--kind", "remote")
    assert not copies.exists()


_ASKED = Counter()


class _Faulty(SimpleHTTPRequestHandler):
    """Answers the first question for each image by 503, the second by hanging up; some are forbidden."""

    def do_GET(self):
        path = self.path.partition("?")[0]
        _ASKED[path] += 1
        if "secret" in path:
            self.send_error(403)
        elif path.endswith(".png") and _ASKED[path] == 1:
            self.send_error(503)
        elif path.endswith(".png") and _ASKED[path] == 2:
            self.connection.close()
        else:
            super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(data, monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_WAIT_S", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Faulty, directory=str(data)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_server_that_throttles_and_hangs_up_is_asked_again(
    web, bundle, data, whole, cache, tmp_path
):
    names = [name for name in rows_in(whole) if "?" not in name]
    lines = ["path", *names, f"{web}/test/good/secret.png?sig=SIGNATURE"]
    lines[1] = f"{web}/test/{names[0]}?sig=SIGNATURE"
    (data / "test/list.csv").write_text("\n".join(lines) + "\n")
    done("score", bundle, f"{web}/test/list.csv?sig=SIGNATURE", "-o", tmp_path / "out")
    rows = rows_in((tmp_path / "out/scores.jsonl").read_bytes())
    forbidden = rows.pop("good/secret.png")
    assert forbidden["error"] == f"cannot read {web}/test/good/secret.png: access denied"
    assert rows == {name: row for name, row in rows_in(whole).items() if name in names}
    assert not cache.joinpath("remote").stat().st_mode & 0o077  # holds the list as it is
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in written if b"SIGNATURE" in path.read_bytes()]
    said = refused("score", bundle, f"{web}/nothing.csv?sig=SIGNATURE", "-o", tmp_path / "out2")
    assert f"{web}/nothing.csv" in said
    assert "SIGNATURE" not in said


def test_a_folder_of_a_web_server_is_its_index(web, data, cache):
    said = done("inspect", f"{web}/train/")
    assert "16" in said


class _Failing(MemoryFileSystem):
    """Answers each question for an image by a fault first, of another kind each time."""

    protocol = "failing"
    faults = (TimeoutError("slow"), OSError(16, "SlowDown"), ConnectionResetError("gone"))

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("failing://", "memory://"))

    def get_file(self, rpath, lpath, **options):
        _ASKED[rpath] += 1
        if _ASKED[rpath] <= len(self.faults):
            raise self.faults[_ASKED[rpath] - 1]
        return super().get_file(rpath, lpath, **options)


def test_faults_of_any_store_are_waited_out(bundle, data, whole, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_WAIT_S", 0.01)
    fsspec.register_implementation("failing", _Failing, clobber=True)
    files = fsspec.filesystem("failing")
    for name in ("good/001.png", "scratch/000.png"):
        files.pipe_file(f"/box/{name}", (data / "test" / name).read_bytes())
    done("score", bundle, "failing://box", "-o", tmp_path / "out")
    rows = rows_in((tmp_path / "out/scores.jsonl").read_bytes())
    assert rows == {name: rows_in(whole)[name] for name in ("good/001.png", "scratch/000.png")}
    monkeypatch.setattr(retries, "N_TRIES", 2)
    _ASKED.clear()
    done("score", bundle, "failing://box", "-o", tmp_path / "out2")
    rows = rows_in((tmp_path / "out2/scores.jsonl").read_bytes())
    assert "failing://box/good/001.png: SlowDown" in rows["good/001.png"]["error"]


def test_what_is_wrong_is_said_in_one_line(bundle, data, store, cache, tmp_path, monkeypatch):
    new = tmp_path / "new.defectory"
    said = partial(refused, status=2)
    assert "did you mean s3://?" in said("fit", "s4://pictures/parts", "-o", new)
    assert "names no bucket" in said("fit", "s3://", "-o", new)
    assert "has to be on this machine" in said("start", "s3://pictures/parts")
    heat = said("score", bundle, "s3://pictures/parts", "-o", tmp_path / "o", "--heatmaps")
    assert "remote data does not go with --heatmaps" in heat
    assert "no such bucket" in refused("fit", "s3://nowhere/parts", "-o", new)
    assert "no such object" in refused("fit", "s3://pictures/nothing", "-o", new)
    assert "no such bucket" in refused("fit", data, "-o", "s3://nowhere/new.defectory")
    out = refused("score", bundle, "s3://pictures/parts", "-o", "s3://pictures/parts/out")
    assert "is read; choose another" in out
    store.pipe_file("results/mine/notes.txt", b"mine")
    assert "holds what is no shard" in refused("score", bundle, data, "-o", "s3://results/mine")
    assert "holds no shards" in refused("merge", "s3://results/mine")
    (tmp_path / "list.csv").write_text("path\ns3://pictures/parts/test/good/000.png\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    stores._open.cache_clear()
    for command in (
        ("fit", "s3://pictures/parts", "-o", new),
        ("score", bundle, tmp_path / "list.csv", "-o", tmp_path / "o"),
        ("merge", "s3://results/killed"),
        ("score", bundle, data / "test", "-o", "s3://results/o"),
    ):
        assert "no credentials were found" in refused(*command)
    stores._open.cache_clear()


def test_the_extra_is_named_where_it_is_missing(bundle, cache, tmp_path, monkeypatch):
    stores._open.cache_clear()
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    said = refused("score", bundle, "s3://pictures/parts", "-o", tmp_path / "out")
    assert 'pip install "defectory[remote]"' in said
    stores._open.cache_clear()
