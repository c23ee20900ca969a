"""A hot folder as machines use one: slow writers, broken files, a folder that is away, bundles, kills."""

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.webhook_receiver import Receiver
from defectory.domain import DataError, OutputError
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.journals import read_journal
from defectory.workflows.watching.options import WatchOptions
from defectory.workflows.watching.state import WatchState
from defectory.workflows.watching.watch import watch
from tests.e2e.conftest import leave, run
from tests.e2e.test_kills import Server
from tests.pictures import disc, save

N_KILLS = 12
"""Of a thorough run; otherwise half as many."""
N_EACH = 5
N_IMAGES = N_KILLS * N_EACH


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """PNG files of parts, no two alike."""
    rng, place = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    return [save(place / f"{i}.png", disc(rng, 64)).read_bytes() for i in range(N_IMAGES)]


class Line:
    """A watch that runs in a thread of this process, until `end`."""

    def __init__(self, folder, bundle, output, **changes):
        quick = {"poll_s": 0.02, "settle_s": 0.06, "patience_s": 0.4}
        self.said, self.rows, self.summary, self.error = [], [], None, None
        self._ending = threading.Event()
        self._options = WatchOptions(folder, bundle, output, **{**quick, **changes})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self.summary = watch(
                self._options,
                say=self.said.append,
                told=self.rows.append,
                is_ending=self._ending.is_set,
            )
        except Exception as error:
            self.error = error

    def until(self, is_so, seconds=20):
        end = time.monotonic() + seconds
        while not is_so(self):
            assert time.monotonic() < end, (self.said, self.rows, self.error)
            assert self._thread.is_alive(), self.error
            time.sleep(0.01)

    def end(self):
        self._ending.set()
        return self.wait()

    def wait(self):
        self._thread.join(30)
        error, self.error = self.error, None
        if error is not None:
            raise error
        return self.summary


@pytest.fixture
def begin(tmp_path, bundle):
    """Begin a watch of `hot` with results in `out`; it ends with the test."""
    lines = []
    (tmp_path / "hot").mkdir()

    def begin(**changes):
        given = {"folder": tmp_path / "hot", "bundle": bundle, "output": tmp_path / "out"}
        lines.append(Line(**{**given, **changes}))
        return lines[-1]

    yield begin
    for line in lines:
        line.end()


def put(folder, name, content):
    """Write a file as a machine should: whole, or not there."""
    part = folder / f".{Path(name).name}.part"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content)
    part.replace(folder / name)


def results(output):
    """All rows in the files, in order."""
    files = sorted((output / "results").iterdir())
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def names(rows):
    return [row["image"] for row in rows]


def test_the_command_judges_what_is_there_once_and_says_so(tmp_path, bundle, contents):
    hot, out = tmp_path / "hot", tmp_path / "out"
    for i in range(3):
        put(hot, f"shift 1/{i}.png", contents[i])
    (hot / "notes.txt").write_text("no image")
    (hot / ".hidden.png").write_bytes(contents[5])
    given = ("watch", hot, bundle, "-o", out, "--once", "--settle", 0.05, "--poll", "0.05s")
    more = ("--alarm", "--journal", "--answers", "--heatmaps", "--keep", "1MB")
    result = run(*given, *more, "--false-reject-rate", 0.9)
    assert result.exit_code == 0, result.output
    assert "Judged 3 images: " in result.output
    assert "The alarm is quiet after 3 images." in result.output
    rows = results(out)
    assert names(rows) == [f"shift 1/{i}.png" for i in range(3)]
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert all(row["bundle"].startswith("parts@") and len(row["sha256"]) == 64 for row in rows)
    for row, entry in zip(rows, read_journal(out / "journal.jsonl"), strict=True):
        assert (entry.name, entry.score, entry.bundle) == (
            row["image"], row["score"], row["bundle"],
        )  # fmt: skip
        assert Path(entry.kept).read_bytes() == (hot / row["image"]).read_bytes()
        assert json.loads((out / f"answers/{row['image']}.json").read_text()) == row
        assert (row["heatmap"] is not None) == row["is_anomalous"]
        assert row["heatmap"] is None or (out / row["heatmap"]).is_file()
    again = run(*given)
    assert "Judged 0 images" in again.output
    assert results(out) == rows
    # the same row as score writes
    scored = run("score", bundle, hot, "-o", tmp_path / "scored")
    assert scored.exit_code == 0
    found = map(json.loads, (tmp_path / "scored/scores.jsonl").read_text().splitlines())
    assert {r["image"]: r["score"] for r in rows} == {r["image"]: r["score"] for r in found}


def test_a_slow_writer_is_waited_for(begin, tmp_path, contents):
    line = begin(settle_s=0.6, patience_s=10)  # a busy machine may hold up either side
    whole = contents[0]
    with (tmp_path / "hot/slow.png").open("wb") as file:
        for start in range(0, len(whole), len(whole) // 8):
            file.write(whole[start : start + len(whole) // 8])
            file.flush()
            time.sleep(0.05)
    line.until(lambda it: it.rows)
    # one that pauses for longer than files take to settle cannot be decoded yet, and has time
    half = tmp_path / "hot/pausing.png"
    half.write_bytes(whole[: len(whole) // 2])
    time.sleep(1.2)
    half.write_bytes(contents[1])
    line.until(lambda it: len(it.rows) == 2)
    assert [(row["image"], row["error"]) for row in line.rows] == [
        ("slow.png", None),
        ("pausing.png", None),
    ]


def test_what_cannot_be_read_gets_a_row_and_holds_nobody_up(begin, tmp_path, contents):
    hot = tmp_path / "hot"
    put(hot, "broken.png", contents[0][:200])
    put(hot, "empty.png", b"")
    put(hot, "good.png", contents[1])
    line = begin(patience_s=1)
    line.until(lambda it: len(it.rows) == 3)
    assert names(line.rows)[0] == "good.png"
    by_name = {row["image"]: row for row in line.rows}
    assert by_name["broken.png"]["score"] is None
    assert "the file is empty" in by_name["empty.png"]["error"]
    put(hot, "broken.png", contents[2])  # written again, whole
    line.until(lambda it: len(it.rows) == 4)
    summary = line.end()
    assert (summary.n_judged, summary.n_unreadable) == (4, 2)
    assert names(results(tmp_path / "out"))[-1] == "broken.png"
    assert sorted(path.name for path in hot.iterdir()) == ["broken.png", "empty.png", "good.png"]


def test_a_name_that_comes_again_is_judged_again_where_its_content_is_new(
    begin, tmp_path, contents
):
    hot = tmp_path / "hot"
    line = begin()
    for n, content in enumerate((0, 1, 0), 1):
        put(hot, "shot.png", contents[content])
        line.until(lambda it, n=n: len(it.rows) == n)
    put(hot, "shot.png", contents[0])  # copied again: the same content is the same image
    os.utime(hot / "shot.png")
    put(hot, "copy.png", contents[0])
    line.until(lambda it: len(it.rows) == 4)
    line.end()
    rows = results(tmp_path / "out")
    assert names(rows) == ["shot.png"] * 3 + ["copy.png"]
    assert rows[0]["sha256"] == rows[2]["sha256"] != rows[1]["sha256"]


def test_a_folder_that_is_not_there_yet_is_waited_for_and_nothing_is_made(
    begin, tmp_path, contents
):
    hot, out = tmp_path / "hot", tmp_path / "out"
    hot.rmdir()
    line = begin(answers=True, journal=True)
    line.until(lambda line: line.said)
    assert line.said == [f"cannot look into {hot}: No such file or directory; waiting for it"]
    assert not out.exists()
    put(hot, "a.png", contents[0])
    line.until(lambda line: line.rows)
    assert line.said[1:] == [f"{hot} is there again"]
    line.end()
    assert [row["image"] for row in results(out)] == ["a.png"]


def test_a_watch_of_a_misspelt_folder_leaves_nothing(begin, tmp_path):
    out = tmp_path / "out"
    line = begin(folder=tmp_path / "hto")
    line.until(lambda line: line.said)
    assert line.end().n_judged == 0
    with pytest.raises(DataError, match="cannot look into"):
        begin(folder=tmp_path / "hto", once=True).wait()
    assert not out.exists()


def test_a_folder_that_goes_away_is_waited_for(begin, tmp_path, contents):
    hot, away = tmp_path / "hot", tmp_path / "away"
    put(hot, "a.png", contents[0])
    hot.rename(away)
    line = begin()
    line.until(lambda it: it.said)
    assert line.said == [f"cannot look into {hot}: No such file or directory; waiting for it"]
    for name, n_rows in (("b.png", 2), ("c.png", 3)):
        put(away, name, contents[n_rows])
        away.rename(hot)
        line.until(lambda it, n=n_rows: len(it.rows) == n)
        hot.rename(away)
        line.until(lambda it: "waiting" in it.said[-1])
    line.end()
    assert line.said[1] == f"{hot} is there again"
    assert sorted(names(results(tmp_path / "out"))) == ["a.png", "b.png", "c.png"]
    with pytest.raises(DataError, match="cannot look into"):
        begin(once=True).wait()


def test_a_bundle_that_is_replaced_is_taken_up_and_a_broken_one_is_not(
    begin, tmp_path, bundle, contents
):
    mine, hot = tmp_path / "mine.defectory", tmp_path / "hot"
    shutil.copy(bundle, mine)
    line = begin(bundle=mine, alarm=True)
    put(hot, "0.png", contents[0])
    line.until(lambda it: len(it.rows) == 1)
    mine.write_bytes(bundle.read_bytes()[:1000])
    put(hot, "1.png", contents[1])
    line.until(lambda it: len(it.rows) == 2)
    load_calibrated(bundle).with_false_reject_rate(0.3).save(tmp_path / "new.defectory")
    (tmp_path / "new.defectory").replace(mine)
    put(hot, "2.png", contents[2])
    line.until(lambda it: len(it.rows) == 3)
    mine.unlink()
    put(hot, "3.png", contents[3])
    line.until(lambda it: len(it.rows) == 4)
    summary = line.end()
    used = [row["bundle"] for row in line.rows]
    assert used[0] == used[1] != used[2] == used[3]
    assert line.rows[2]["threshold"] < line.rows[0]["threshold"]
    assert f"{used[0]} goes on judging" in line.said[0]
    assert line.said[1] == f"{used[2]} judges from now on, instead of {used[0]}"
    assert summary.alarm.alarm.n_seen == 2  # each bundle has an alarm of its own


def test_messages_arrive_signed_though_the_receiver_is_down_for_a_while(begin, tmp_path, contents):
    receiver = Receiver()
    receiver.status = 503
    secret = tmp_path / "secret"
    line = begin(webhook=receiver.url, secret=secret)
    for i in range(3):
        put(tmp_path / "hot", f"{i}.png", contents[i])
    line.until(lambda it: len(it.rows) == 3 and it.said)
    assert "the receiver answers 503" in line.said[0]
    receiver.close()
    assert line.end().n_unsent == 3
    again = Receiver(receiver.port)
    again.secret = secret.read_text().strip()
    try:
        summary = begin(webhook=receiver.url, secret=secret, once=True).wait()
        assert summary.n_unsent == 0
        told = dict(again.received)
        assert len(told) == len(again.received) == 3
        assert sorted(told.values(), key=lambda row: row["id"]) == results(tmp_path / "out")
    finally:
        again.close()


def test_results_and_images_are_kept_apart_and_one_watch_has_one_place(begin, tmp_path, bundle):
    hot = tmp_path / "hot"
    for output in (hot, hot / "out", tmp_path):
        refused = run("watch", hot, bundle, "-o", output, "--once")
        assert refused.exit_code == 1, output
        assert "Traceback" not in refused.output
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine.txt").write_text("stays")
    assert "holds what defectory did not write" in run("watch", hot, bundle, "-o", foreign).output
    swapped = run("watch", bundle, hot, "-o", tmp_path / "out")
    assert "FOLDER comes first" in swapped.output
    line = begin()
    line.until(lambda _: (tmp_path / "out/results").exists())
    with pytest.raises(OutputError, match="one folder is for one watch"):
        watch(WatchOptions(hot, bundle, tmp_path / "out"), say=print)
    assert run("watch", hot, bundle, "-o", tmp_path / "x", "--secret-file", "y").exit_code == 2
    bad = run("watch", hot, bundle, "-o", tmp_path / "x", "--webhook", "file:///etc/passwd")
    assert "begins with http:// or https://" in bad.output
    assert not (tmp_path / "x").exists()


def test_on_a_full_disk_it_waits_and_loses_nothing(disk, begin, tmp_path, contents):
    hot = tmp_path / "hot"
    line = begin(output=disk / "out", journal=True)
    put(hot, "0.png", contents[0])
    line.until(lambda it: len(it.rows) == 1)
    with contextlib.suppress(OSError):  # the watch takes some of it meanwhile
        leave(disk, 0)
    for i in range(1, 4):
        put(hot, f"{i}.png", contents[i])
    line.until(lambda it: it.said)
    time.sleep(0.3)
    (disk / "full").unlink()
    line.until(lambda it: len(it.rows) == 4)
    line.until(lambda it: "again" in it.said[-1])
    line.end()
    assert "cannot" in line.said[0]
    assert line.said[0].endswith("waiting until it can be")
    assert sorted(names(results(disk / "out"))) == [f"{i}.png" for i in range(4)]
    assert len(list(read_journal(disk / "out/journal.jsonl"))) == 4


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


def put_next(left, hot):
    if left:
        i, content = left.pop()
        put(hot, f"{i}.png", content)


def kill_at_work(child, log, delay_s, left, hot):
    """Kill a process some time after its first result; one that is to die at a step does so by itself."""
    latest, end = time.monotonic() + 60, None
    while time.monotonic() < (end or latest):
        told = log.read_text() if log.exists() else ""
        if "killed at its step" in told:
            break
        if end is None and ".png" in told:
            end = time.monotonic() + delay_s
        put_next(left, hot)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_images_in_hand(number, server, tmp_path, bundle, contents):
    hot, out = tmp_path / "hot", tmp_path / "out"
    put(hot, "0.png", contents[0])
    log = tmp_path / "log"
    child = server.start("command", log, "watch", hot, bundle, "-o", out, "--settle", 0)
    end = time.monotonic() + 20
    while not (log.exists() and "0.png" in log.read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(child, number)
    assert server.status() == 0, log.read_text()
    assert log.read_text().splitlines()[-1].startswith("Judged 1 image: ")
    assert len(results(out)) == 1


def test_each_image_is_judged_exactly_once_though_it_is_killed_again_and_again(
    server, tmp_path, bundle, contents, is_thorough
):
    n_kills = N_KILLS if is_thorough else N_KILLS // 2
    n_images = n_kills * N_EACH
    seed = int(os.environ.get("DEFECTORY_KILL_SEED", secrets.randbits(32)))
    print(f"DEFECTORY_KILL_SEED={seed}")
    draw = random.Random(seed)
    hot, out, log = tmp_path / "hot", tmp_path / "out", tmp_path / "log"
    hot.mkdir()
    receiver = Receiver()
    watch = (hot, bundle, "-o", out, "--settle", 0, "--poll", "0.02s")
    watch += ("--webhook", receiver.url, "--alarm", "--journal", "--answers")
    left = list(enumerate(contents[:n_images]))
    for n in range(n_kills):
        by_itself = n % 2 == 0
        log.unlink(missing_ok=True)
        child = server.start("watch", log, draw.randint(1, 60) if by_itself else 10**9, *watch)
        fed, left = left[:N_EACH], left[N_EACH:]
        kill_at_work(child, log, draw.uniform(0, 0.2) + by_itself, fed, hot)
        while fed:
            put_next(fed, hot)
        assert server.status() == -signal.SIGKILL, log.read_text()
    assert len(results(out)) > n_kills  # the test is worth something
    server.start("command", log, "watch", *watch, "--once")
    assert server.status() == 0, log.read_text()
    rows = results(out)
    receiver.close()
    assert sorted(names(rows)) == sorted(f"{i}.png" for i in range(n_images))
    assert [row["id"] for row in rows] == list(range(1, n_images + 1))
    assert [entry.name for entry in read_journal(out / "journal.jsonl")] == names(rows)
    for row in rows:
        assert json.loads((out / f"answers/{row['image']}.json").read_text()) == row
    told = {}
    for message_id, row in receiver.received:  # at least once, and always the same
        assert told.setdefault(message_id, row) == row
    assert sorted(told.values(), key=lambda row: row["id"]) == rows
    assert (
        f"The alarm is quiet after {n_images} images." in log.read_text()
        or "rings" in log.read_text()
    )
    state = WatchState(out)
    assert not state.unwritten(0)
    assert not state.count_unsent()
    assert len(state.judged(names(rows))) == n_images
    state.close()
