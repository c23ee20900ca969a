"""The journal: whole lines whatever happens, bounded; and the images that came last."""

import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from defectory.domain import DataError, OutputError, ParameterError
from defectory.workflows.journals import Journal, JournalEntry, read_journal
from defectory.workflows.recent_images import RecentImages

ENTRY = JournalEntry("2026-01-02T03:04:05Z", "a.png", "0" * 64, 1.5, False, 0.25, "parts@1")

WRITER = """
import itertools, sys
from pathlib import Path
from defectory.workflows.journals import Journal, JournalEntry
journal = Journal(Path(sys.argv[1]), max_bytes=4000)
for i in itertools.count(int(sys.argv[2])):
    journal.append(JournalEntry("now", str(i), "", 0.5, True, 0.5, "b@1"))
    print(i, flush=True)
"""


def named(i):
    return replace(ENTRY, name=f"{i}.png")


def names(path):
    return [entry.name for entry in read_journal(path)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state/journal.jsonl"


def write(path, entries, **options):
    journal = Journal(path, **options)
    for entry in entries:
        journal.append(entry)
    journal.close()


def test_entries_come_back_as_they_were_and_others_see_them_at_once(path):
    full = replace(ENTRY, request_id="r", kept="recent/a.png")
    journal = Journal(path)
    journal.append(ENTRY)
    journal.append(full)
    assert list(read_journal(path)) == [ENTRY, full]
    journal.close()
    journal.close()
    with pytest.raises(OutputError, match="closed"):
        journal.append(ENTRY)
    write(path, [ENTRY])
    assert list(read_journal(path)) == [ENTRY, full, ENTRY]


def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_process(path):
    write(path, [named(0), named(1)])
    with path.open("ab") as file:
        file.write(b'{"time": "2026' + b"\0" * 100_000)
    assert names(path) == ["0.png", "1.png"]
    write(path, [named(2)])
    assert names(path) == ["0.png", "1.png", "2.png"]
    path.write_bytes(b"{")
    write(path, [named(3)])
    assert names(path) == ["3.png"]


def test_a_damaged_line_is_named(path):
    write(path, [named(0)])
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(DataError, match=r"journal\.jsonl, line 2 is damaged"):
        names(path)
    with pytest.raises(DataError, match="there is no journal"):
        names(path.with_name("none"))


def test_a_full_file_is_put_aside_and_the_oldest_dropped(path):
    n_bytes = 300
    write(path, map(named, range(20)), max_bytes=n_bytes)
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["journal.jsonl", *(f"journal.jsonl.{i}" for i in (1, 2, 3))]
    assert all(file.stat().st_size <= n_bytes for file in path.parent.iterdir())
    assert names(path) == [f"{i}.png" for i in range(16, 20)]
    with pytest.raises(ParameterError, match="more than 0 bytes"):
        Journal(path, max_bytes=0)


def test_an_entry_larger_than_a_file_is_kept_all_the_same(path):
    write(path, [named(0), replace(ENTRY, name="x" * 500), named(1)], max_bytes=100)
    assert [len(name) for name in names(path)] == [5, 500, 5]


def test_a_reader_misses_nothing_that_is_put_aside_while_it_reads(path):
    journal = Journal(path, max_bytes=600)
    journal.append(named(0))
    reader = read_journal(path)
    assert next(reader).name == "0.png"
    for i in range(1, 5):
        journal.append(named(i))
    assert [entry.name for entry in reader][:1] == ["1.png"]
    journal.close()


def test_threads_do_not_tear_each_others_lines(path):
    journal = Journal(path, max_bytes=40_000)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.append, map(named, range(400))))
    journal.close()
    assert sorted(names(path)) == sorted(f"{i}.png" for i in range(400))


def test_a_second_writer_is_refused(path):
    journal = Journal(path)
    with pytest.raises(OutputError, match=r"another process writes .*journal"):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_names_that_are_no_text_are_spelled_out(path):
    write(path, [replace(ENTRY, name=os.fsdecode(b"\xe9\n.png"))])
    assert names(path) == ["\\xe9\n.png"]


def test_after_kills_every_line_is_whole_and_none_that_was_reported_is_lost(path):
    first = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, str(first)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(30):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kept = [int(name) for name in names(path)]
        assert kept == list(range(kept[0], kept[-1] + 1))
        assert kept[-1] >= told
        first = kept[-1] + 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on files")
def test_what_does_not_fit_the_disk_leaves_whole_lines(path):
    journal = Journal(path)
    journal.append(named(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        with pytest.raises(OutputError, match=r"cannot write .*journal\.jsonl"):
            journal.append(named(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    journal.append(named(2))
    journal.close()
    assert path.read_bytes().count(b"\n") == 2
    assert names(path) == ["0.png", "2.png"]


def test_recent_images_are_bounded_and_go_on_after_a_restart(tmp_path):
    folder = tmp_path / "recent"
    ring = RecentImages(folder, 25)
    paths = [ring.keep(bytes([i]) * 10, f"shots/{i}.png", ".png") for i in range(3)]
    assert sorted(folder.iterdir()) == paths[1:]
    assert [path.read_bytes()[0] for path in paths[1:]] == [1, 2]
    assert paths[1].name.endswith("Z_1.png")
    (folder / "mine.txt").write_text("stays")
    (folder / f".{paths[0].name}.0123.part").write_text("of a killed process")
    again = RecentImages(folder, 25)
    last = again.keep(b"x" * 15, "..\\..\\con", ".bmp")
    assert last.parent == folder
    assert sorted(folder.iterdir()) == [paths[2], last, folder / "mine.txt"]
    RecentImages(folder, 15)
    assert sorted(folder.iterdir()) == [last, folder / "mine.txt"]


def test_an_image_that_cannot_be_removed_goes_once_it_can(tmp_path, monkeypatch):
    ring = RecentImages(tmp_path, 25)
    stuck = ring.keep(b"x" * 20, "a", ".png")

    def refused(path, **_):
        raise PermissionError(path)  # as Windows does where somebody looks at it

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(OutputError, match="cannot write"):
            ring.keep(b"x" * 20, "b", ".png")
    last = ring.keep(b"x" * 20, "b", ".png")
    assert list(tmp_path.iterdir()) == [last]
    assert not stuck.exists()


def test_recent_images_refuse_what_never_fits(tmp_path):
    ring = RecentImages(tmp_path, 25)
    kept = ring.keep(b"x", "a", ".png")
    with pytest.raises(OutputError, match="more than the 25 that are kept"):
        ring.keep(b"x" * 26, "a", ".png")
    with pytest.raises(ParameterError, match="no ending"):
        ring.keep(b"x", "a", "/../x")
    with pytest.raises(ParameterError, match="more than 0 bytes"):
        RecentImages(tmp_path, 0)
    assert list(tmp_path.iterdir()) == [kept]
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RecentImages(blocked, 5)


def test_images_of_one_moment_have_names_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    ring = RecentImages(tmp_path, 10**6)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: ring.keep(b"x", "a.png", ".png"), range(50)))
    assert len(set(paths)) == 50
