"""Old or new, both whole, whatever fails on the way."""

import errno
import json
import os
import signal
import stat
from pathlib import Path

import pytest

from defectory.domain import OutputError
from defectory.storage import (
    MARKER_NAME,
    OutputFile,
    OutputFolder,
    renames,
    transactions,
    write_outputs,
)
from defectory.storage.leftovers import make_part
from tests.unit.storage.places import NOTE, names, snapshot, write_folder, write_note


@pytest.fixture(params=["atomic", "plain"], autouse=True)
def _system(request, monkeypatch):
    """Every test runs with the system's exchange of names, and as where there is none."""
    if request.param == "plain":
        monkeypatch.setattr(renames, "_system_call", lambda: None)


def test_a_file_and_a_folder_take_their_places_together(tmp_path):
    outputs = [OutputFile(tmp_path / "a/n", NOTE), OutputFolder(tmp_path / "a/out", "test")]
    with write_outputs(outputs) as (note, folder):
        note.write_text("note 1")
        (folder / "x").write_text("x")
        assert not (tmp_path / "a/n").exists()
        assert not (tmp_path / "a/out").exists()
    assert (tmp_path / "a/n").read_text() == "note 1"
    assert (tmp_path / "a/out/x").read_text() == "x"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["n", "out"]


def test_the_marker_says_who_wrote_what(tmp_path):
    write_folder(tmp_path / "out", a="1", b="22")
    marker = json.loads((tmp_path / "out" / MARKER_NAME).read_text())
    assert marker["written_by"] == "defectory test"
    assert {name: n_bytes for name, (n_bytes, _) in marker["files"].items()} == {"a": 1, "b": 2}


def test_what_was_written_is_replaced_only_on_demand(tmp_path):
    write_folder(tmp_path / "out", a="1")
    write_note(tmp_path / "n", "1")
    for write in (
        lambda: write_folder(tmp_path / "out", b="2"),
        lambda: write_note(tmp_path / "n", "2"),
    ):
        with pytest.raises(
            OutputError, match="exists already; choose another name or add --overwrite"
        ):
            write()
    write_folder(tmp_path / "out", overwrite=True, b="2")
    write_note(tmp_path / "n", "2", overwrite=True)
    assert names(tmp_path / "out") == [MARKER_NAME, "b"]
    assert (tmp_path / "n").read_text() == "note 2"
    assert names(tmp_path) == ["n", "out"]


def write_and_fail(outputs):
    with write_outputs(outputs, overwrite=True) as (part, _):
        (part / "b").write_text("2")
        raise KeyError


def test_an_error_in_the_block_leaves_all_as_it_was(tmp_path):
    write_folder(tmp_path / "out", a="1")
    before = snapshot(tmp_path)
    outputs = [OutputFolder(tmp_path / "out", "test"), OutputFile(tmp_path / "deep/er/n", NOTE)]
    with pytest.raises(KeyError):
        write_and_fail(outputs)
    assert snapshot(tmp_path) == before


def test_a_file_that_the_block_removes_goes(tmp_path):
    write_note(tmp_path / "n", "1")
    outputs = [OutputFile(tmp_path / "n", NOTE), OutputFile(tmp_path / "m", NOTE)]
    with write_outputs(outputs, overwrite=True) as (n, m):
        n.unlink()
        m.unlink()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("n_before", [0, 1, 2])
def test_a_rename_that_fails_rolls_back_what_was_placed(is_there, n_before, tmp_path, monkeypatch):
    outputs = [
        OutputFile(tmp_path / "n", NOTE),
        OutputFolder(tmp_path / "out", "test"),
        OutputFile(tmp_path / "m", NOTE),
    ]

    def write(text, *, overwrite=False):
        with write_outputs(outputs, overwrite=overwrite) as (n, out, m):
            n.write_text(f"note {text}")
            (out / text).write_text(text)
            m.write_text(f"note {text}")

    if is_there:
        write("old")
    before = snapshot(tmp_path)
    place, calls = transactions.Placement.place, []

    def fail(self):
        if len(calls) == n_before:
            raise OSError(errno.EIO, "Input/output error")
        calls.append(self)
        place(self)

    monkeypatch.setattr(transactions.Placement, "place", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        write("new", overwrite=True)
    assert snapshot(tmp_path) == before


def test_a_folder_whose_successor_cannot_come_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(renames, "_system_call", lambda: None)
    write_folder(tmp_path / "out", a="1")
    before = snapshot(tmp_path)
    rename = Path.rename

    def fail(self, target):
        if self.suffix == ".part" and Path(target).name == "out":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        write_folder(tmp_path / "out", overwrite=True, b="2")
    assert snapshot(tmp_path) == before


def test_what_a_process_was_killed_over_is_put_back_by_the_next_run(tmp_path):
    write_folder(tmp_path / "out", a="1")
    before = snapshot(tmp_path)
    (tmp_path / "out").rename(tmp_path / ".out.0123456789abcdef.old")
    with pytest.raises(OutputError, match="exists already"):
        write_folder(tmp_path / "out", b="2")
    assert snapshot(tmp_path) == before


def test_something_new_at_the_place_stays(tmp_path):
    with (
        pytest.raises(OutputError, match="come to exist meanwhile"),
        write_outputs([OutputFile(tmp_path / "n", NOTE)]),
    ):
        (tmp_path / "n").write_text("note of another")
    assert snapshot(tmp_path).keys() == {"n"}
    assert (tmp_path / "n").read_text() == "note of another"


def test_a_file_dropped_into_the_folder_meanwhile_stays(tmp_path):
    write_folder(tmp_path / "out", a="1")
    with (
        pytest.raises(OutputError, match=r"report.docx"),
        write_outputs([OutputFolder(tmp_path / "out", "test")], overwrite=True),
    ):
        (tmp_path / "out/report.docx").write_text("months of work")
    assert (tmp_path / "out/report.docx").read_text() == "months of work"


def test_a_file_dropped_in_at_the_last_moment_stays(tmp_path, monkeypatch):
    write_folder(tmp_path / "out", a="1")
    real = transactions.exchange

    def late(part, target):
        if part.is_dir():
            (target / "report.docx").write_text("months of work")
        return real(part, target)

    if renames._system_call() is None:
        pytest.skip("two renames look only before")
    monkeypatch.setattr(transactions, "exchange", late)
    with pytest.raises(OutputError, match="meanwhile"):
        write_folder(tmp_path / "out", overwrite=True, b="2")
    assert (tmp_path / "out/report.docx").read_text() == "months of work"
    assert names(tmp_path) == ["out"]


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    write_note(tmp_path / "n", "0")
    (tmp_path / ".n.0123456789abcdef.part").write_text("torn")
    (tmp_path / ".n.0123456789abcdef.old").mkdir()
    (tmp_path / ".n.mine.part").write_text("a name that is not ours")
    alive, lock = make_part(tmp_path / "n", is_folder=False)
    write_note(tmp_path / "n", "1", overwrite=True)
    assert names(tmp_path) == sorted([alive.name, ".n.mine.part", "n"])
    lock.release()
    write_note(tmp_path / "n", "2", overwrite=True)
    assert names(tmp_path) == [".n.mine.part", "n"]


@pytest.mark.parametrize(
    ("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)]
)
def test_the_umask_is_kept(umask, file, folder, tmp_path):
    before = os.umask(umask)
    try:
        write_folder(tmp_path / "out", a="1")
        write_note(tmp_path / "n", "1")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("n", "out/a", "out")]
    assert modes == [file, file, folder]
    assert stat.S_IMODE((tmp_path / "out" / MARKER_NAME).stat().st_mode) == file


def test_ctrl_c_between_two_renames_waits_for_the_second(tmp_path, monkeypatch):
    place = transactions.Placement.place

    def interrupted(self):
        place(self)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(transactions.Placement, "place", interrupted)
    outputs = [OutputFile(tmp_path / name, NOTE) for name in "ab"]
    with pytest.raises(KeyboardInterrupt), write_outputs(outputs):
        pass
    assert names(tmp_path) == ["a", "b"]


def test_long_names_have_room_for_temporary_ones(tmp_path):
    name = "ö" * 125 + ".n"
    write_note(tmp_path / name, "1")
    write_note(tmp_path / name, "2", overwrite=True)
    assert names(tmp_path) == [name]


def test_everything_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    events = []
    real_fsync, real_place = os.fsync, transactions.Placement.place
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (
            events.append(str(Path(f"/proc/self/fd/{handle}").readlink())),
            real_fsync(handle),
        ),
    )
    monkeypatch.setattr(
        transactions.Placement, "place", lambda self: (events.append("place"), real_place(self))
    )
    with write_outputs([OutputFolder(tmp_path / "out", "test")]) as (part,):
        (part / "sub").mkdir()
        (part / "sub/x").write_text("x")
    before = events[: events.index("place")]
    assert {str(part / "sub/x"), str(part / "sub"), str(part), f"{part / MARKER_NAME}.part"} <= set(
        before
    )
    assert events[-1] == str(tmp_path)
