"""Work on a Ray cluster: what processes by hand give, also where workers are killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from defectory.artifacts import load_bundle
from defectory.distributed import clusters, commands
from defectory.distributed.tasks import run_tasks
from defectory.domain import NoProgress
from defectory.workflows.elsewhere import ElsewhereError
from tests.e2e.conftest import run
from tests.pictures import write_mvtec
from tests.unit.storage.places import snapshot

# not imported here: it reads its settings when it is
pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not here, as on new Pythons"
)

ROOT = Path(__file__).parents[2]
N = 3
CHUNK = ("--chunk-size", 8)
# A local cluster, as `--ray local` starts it, until its input ends.
HOLD = """
import os, sys
from defectory.distributed.clusters import Cluster, import_ray
from defectory.domain import NoProgress
with Cluster("local", 2).connected(NoProgress()) as n_parts:
    context = import_ray().get_runtime_context()
    print(context.gcs_address, os.environ["RAY_AUTH_TOKEN"], n_parts, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Images, one of them damaged."""
    root = tmp_path_factory.mktemp("ray-images") / "data"
    write_mvtec(root, n_train=1, n_good=40, n_defective=4, size_px=48)
    (root / "test/scratch/broken.png").write_bytes(b"no image")
    return root / "test"


@pytest.fixture(scope="module")
def by_hand(bundle, data):
    """A folder of shards that were scored one by one, merged."""
    out = data.parent / "by-hand"
    for i in range(N):
        result = run("score", bundle, data, "-o", out, "--shard", f"{i}/{N}", *CHUNK)
        assert result.exit_code == 0, result.output
    assert run("merge", out, "--format", "csv").exit_code == 0
    return out


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The process that holds a cluster of this machine, and its address."""
    home = tmp_path_factory.mktemp("home")
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    path = os.pathsep.join((str(ROOT / "src"), os.environ.get("PYTHONPATH", "")))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": path, "HOME": str(home)},
    )  # fmt: skip
    try:
        address, token, n_parts = holder.stdout.readline().split()
        assert n_parts == "8"
        # what this process, too, has to know when it imports Ray
        os.environ.update({**clusters._LOCAL, "RAY_AUTH_TOKEN": token})
        yield holder.pid, address
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ.update(before)
        started = descendants(holder.pid)
        holder.communicate("")
    assert holder.returncode == 0
    assert not [pid for pid in started if Path(f"/proc/{pid}/cmdline").exists() and command(pid)]
    assert not (home / ".ray").exists()


def descendants(pid):
    """Return the processes that a process has started, and those have; none where there is no /proc."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
    children = [child for child, parent in parents.items() if parent == pid]
    return children + [each for child in children for each in descendants(child)]


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
    except OSError:
        return ""


def test_a_cluster_gives_what_shards_by_hand_give_to_the_byte(
    cluster, bundle, data, by_hand, tmp_path
):
    options = ("--ray", cluster[1], "--shards", N, *CHUNK, "--format", "csv")
    result = run("score", bundle, data, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert snapshot(tmp_path / "out") == snapshot(by_hand)
    assert "45 images in 3 shards" in result.output
    assert "1 unreadable" in result.output


@pytest.mark.thorough
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds workers by /proc")
def test_it_goes_on_where_it_was_and_a_worker_that_is_killed_changes_nothing(
    cluster, bundle, data, by_hand, tmp_path
):
    shutil.copytree(by_hand, tmp_path / "out")
    shutil.rmtree(tmp_path / "out/shard-0001-of-0003")
    (tmp_path / "out/shard-0002-of-0003/shard.json").unlink()
    killed = []

    def kill():
        until = time.monotonic() + 60
        while not killed and time.monotonic() < until:
            for pid in descendants(cluster[0]):
                if command(pid).startswith("ray::_run_part"):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    return
            time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    result = run("score", bundle, data, "-o", tmp_path / "out", "--ray", cluster[1], *CHUNK)
    thread.join()
    assert killed
    assert result.exit_code == 0, result.output
    assert snapshot(tmp_path / "out") == snapshot(by_hand)


@pytest.mark.thorough
def test_what_a_worker_cannot_do_is_said_with_its_machine(cluster, bundle, data, tmp_path):
    here = clusters.Cluster(cluster[1], 1)
    work = partial(commands.score_part, tmp_path / "gone.defectory", data, {}, tmp_path)
    told = (here, NoProgress(), "scoring", lambda: 1)
    with (
        here.connected(NoProgress()),
        pytest.raises(ElsewhereError, match=r"on .*: .*gone\.defectory"),
    ):
        run_tasks(work, 2, tmp_path, *told)
    assert not list(tmp_path.iterdir())


@pytest.mark.thorough
def test_a_fit_is_that_of_parts_by_hand(cluster, parts, tmp_path):
    small = ("--detector", "gaussian", "--size", 64, "--no-probes")
    for i in range(2):
        assert run("fit", parts, *small, "--shard", f"{i}/2", "-o", tmp_path / "out").exit_code == 0
    by_hand, by_ray = tmp_path / "by-hand.defectory", tmp_path / "by-ray.defectory"
    result = run("fit", parts, *small, "--from-parts", tmp_path / "out", "-o", by_hand)
    assert result.exit_code == 0, result.output
    result = run("fit", parts, *small, "--ray", cluster[1], "--shards", 2, "-o", by_ray)
    assert result.exit_code == 0, result.output
    assert "statistics of 16 images in 2 parts" in result.output
    one, two = (load_bundle(path).detector.arrays() for path in (by_hand, by_ray))
    assert one.keys() == two.keys()
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    assert not by_ray.with_name("by-ray.defectory.parts").exists()


@pytest.mark.thorough
def test_outliers_find_all_that_workers_have_read(cluster, data, tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "cache"))
    for path in sorted(data.glob("good/00*.png")):
        (tmp_path / "images").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "images")
    read, read_ahead = {}, commands.read_on_cluster

    def watched(*arguments):
        read_ahead(*arguments)
        read.update(snapshot(tmp_path / "cache/features"))

    monkeypatch.setattr(commands, "read_on_cluster", watched)
    options = ("--size", 32, "--ray", cluster[1], "--shards", 1)
    result = run("outliers", tmp_path / "images", "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert (
        sum(name.endswith(".features") for name in read) == 20
    )  # images, and another view of each
    assert snapshot(tmp_path / "cache/features") == read


def test_an_address_where_nobody_listens_is_one_line(bundle, data, tmp_path):
    started = time.monotonic()
    result = run("score", bundle, data, "-o", tmp_path / "out", "--ray", "127.0.0.1:1")
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert result.output.splitlines()[-1].startswith("defectory: no Ray cluster at 127.0.0.1:1: ")
    assert time.monotonic() - started < 20


def test_without_ray_the_extra_is_named(bundle, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = run("score", bundle, data, "-o", tmp_path / "out", "--ray", "local")
    assert result.exit_code == 1
    assert 'run  pip install "defectory[ray]"' in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["score", "b", "i", "--ray", "there"], "'there' is no address of a Ray cluster"),
        (["score", "b", "i", "--ray", "there:99999"], "is no address of a Ray cluster"),
        (["score", "b", "i", "--shards", "3"], "--shards goes with --ray"),
        (["score", "b", "i", "--ray", "local", "--heatmaps"], "--ray does not go with --heatmaps"),
        (["score", "b", "i", "j", "--ray", "local"], "--ray takes one folder or list"),
        (["score", "b", "i", "--ray", "local", "--shard", "0/3"], "--ray does not go with --shard"),
        (["outliers", "i", "--ray", "local", "--no-cache"], "--ray does not go with --no-cache"),
        (["outliers", "i", "--shards", "3"], "--shards goes with --ray"),
        (
            ["fit", "i", "--ray", "local", "--from-parts", "p"],
            "--ray does not go with --from-parts",
        ),
    ],
)
def test_what_does_not_go_with_a_cluster_is_said(words, says, tmp_path):
    result = run(*words, "-o", tmp_path / "out")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert says in " ".join(result.output.split())
