"""Rows that survive: an interrupted run goes on, and ends as if nothing had happened."""

import json
import os
import signal

import pytest

from defectory.domain import OutputError
from defectory.storage import OutputFolder, resumable_folder
from defectory.storage.leftovers import take_lock
from tests.unit.storage.places import names, snapshot, write_folder

KEYS = [f"image {i}" for i in range(6)]


class StoppedError(Exception):
    pass


def fill(path, *, stop_at=None, run="run 1", keys=KEYS, overwrite=False, said=None, new=None):
    """Write one file and one row a key; return how many were done before."""
    output = OutputFolder(path, "test", is_resumable=True)
    files = ["all", *(f"pictures/{key}" for key in keys)]
    say = (said if said is not None else []).append
    new = new if new is not None else []
    with resumable_folder(
        output, run=run, keys=keys, files=files, say=say, overwrite=overwrite
    ) as folder:
        n_before = folder.n_done
        for i in range(n_before, len(keys)):
            if i == stop_at:
                raise StoppedError
            name = f"pictures/{keys[i]}"
            folder.append({"i": i, "x": 0.1 * i}, {name: folder.write(name, keys[i].encode())})
            new.append(i)
        folder.path("all").write_text("\n".join(json.dumps(row) for row in folder.rows()))
    return n_before


def stop(path, stop_at, **options):
    """Fill up to an item, and return what the error says besides."""
    with pytest.raises(StoppedError) as error:
        fill(path, stop_at=stop_at, **options)
    return "; ".join(getattr(error.value, "__notes__", ()))


def test_an_uninterrupted_run_leaves_only_its_folder(tmp_path):
    assert fill(tmp_path / "out") == 0
    assert names(tmp_path) == ["out"]
    assert len((tmp_path / "out/all").read_text().splitlines()) == 6
    assert len(list((tmp_path / "out/pictures").iterdir())) == 6


@pytest.mark.parametrize("stop_at", range(1, 6))
def test_an_interrupted_run_goes_on_and_ends_the_same(stop_at, tmp_path):
    fill(tmp_path / "whole")
    said, new = [], []
    note = stop(tmp_path / "out", stop_at, said=said)
    assert names(tmp_path) == ["out.unfinished", "whole"]
    assert f"{stop_at} of 6 images are done and kept in out.unfinished" in note
    assert fill(tmp_path / "out", said=said, new=new) == stop_at
    assert said == [f"going on after {stop_at} of 6 images"]
    assert new == list(range(stop_at, 6))
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")
    assert names(tmp_path) == ["out", "whole"]


def test_a_signal_amid_a_row_waits_until_the_row_counts(tmp_path, monkeypatch):
    write = os.write

    def interrupted(handle, row):
        n_written = write(handle, row)
        signal.raise_signal(signal.SIGINT)
        return n_written

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt) as error:
        fill(tmp_path / "out")
    assert "1 of 6 images are done" in error.value.__notes__[0]
    monkeypatch.undo()
    assert fill(tmp_path / "out") == 1


def test_nothing_is_kept_where_nothing_was_done(tmp_path):
    stop(tmp_path / "deep/out", 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("n_bytes", [1, 20])
def test_a_torn_row_is_done_again(n_bytes, tmp_path):
    fill(tmp_path / "whole")
    stop(tmp_path / "out", 4)
    journal = tmp_path / "out.unfinished/rows.jsonl"
    journal.write_bytes(journal.read_bytes()[:-n_bytes])
    assert fill(tmp_path / "out") == 3
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


@pytest.mark.parametrize("content", [b"", b"image X", None])
def test_a_row_whose_file_is_not_as_it_was_written_is_done_again(content, tmp_path):
    fill(tmp_path / "whole")
    stop(tmp_path / "out", 4)
    picture = tmp_path / "out.unfinished/result/pictures/image 2"
    picture.unlink() if content is None else picture.write_bytes(content)
    assert fill(tmp_path / "out") == 2
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


def test_rows_up_to_the_first_changed_image_are_kept(tmp_path):
    keys = [*KEYS[:2], "image 2, changed", *KEYS[3:]]
    fill(tmp_path / "whole", keys=keys)
    stop(tmp_path / "out", 4)
    assert fill(tmp_path / "out", keys=keys) == 2
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


def test_images_that_were_added_at_the_end_are_done_too(tmp_path):
    keys = [*KEYS, "image 6"]
    fill(tmp_path / "whole", keys=keys)
    stop(tmp_path / "out", 4)
    assert fill(tmp_path / "out", keys=keys) == 4
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


def test_what_another_run_left_is_discarded_and_that_is_said(tmp_path):
    said = []
    stop(tmp_path / "out", 4)
    assert fill(tmp_path / "out", run="run 2", said=said) == 0
    assert said == [
        "discarding out.unfinished, left by a run with another bundle or other settings"
    ]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("run", ["run 1", "run 2"])
@pytest.mark.parametrize("name", ["notes.docx", "result/notes.docx", "result/pictures/mine"])
def test_a_file_of_the_user_in_the_work_folder_stays(name, run, tmp_path):
    stop(tmp_path / "out", 4)
    (tmp_path / "out.unfinished" / name).write_text("months of work")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=name):
        fill(tmp_path / "out", run=run)
    assert snapshot(tmp_path) == before


def test_another_folder_at_the_place_of_work_stays(tmp_path):
    write_folder(tmp_path / "out.unfinished", a="1")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"out\.unfinished, where unfinished work would lie"):
        fill(tmp_path / "out")
    assert snapshot(tmp_path) == before


def test_two_runs_do_not_write_one_folder(tmp_path):
    stop(tmp_path / "out", 4)
    lock = take_lock(tmp_path / "out.unfinished")
    with pytest.raises(OutputError, match="another run is writing"):
        fill(tmp_path / "out")
    lock.release()
    assert fill(tmp_path / "out") == 4


def test_a_run_that_was_killed_after_it_took_its_place_is_cleared_away(tmp_path):
    """Then the old folder lies in the work folder, with files of its own."""
    write_folder(tmp_path / "out", mine="1", all="old")
    stop(tmp_path / "new", 6 - 1)
    result = tmp_path / "new.unfinished/result"
    (tmp_path / "out/pictures").mkdir()
    for path in (tmp_path / "out").iterdir():
        if path.name != "pictures":
            path.rename(result / path.name)
    (tmp_path / "out").rename(tmp_path / "gone")
    fill(tmp_path / "whole")
    assert fill(tmp_path / "new") == 5
    assert snapshot(tmp_path / "new") == snapshot(tmp_path / "whole")


def test_a_full_disk_loses_no_row(tmp_path, monkeypatch):
    fill(tmp_path / "whole")
    write, n = os.write, []

    def full(handle, data):
        n.append(data)
        if len(n) == 4:
            write(handle, data[:10])
            raise OSError(28, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OutputError, match=r"cannot write .*out: No space left on device") as error:
        fill(tmp_path / "out")
    assert "3 of 6 images are done" in error.value.__notes__[0]
    monkeypatch.undo()
    assert fill(tmp_path / "out") == 3
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "whole")


def test_the_work_folder_is_no_input(tmp_path):
    stop(tmp_path / "out", 4)
    output = OutputFolder(tmp_path / "out", "test", is_resumable=True)
    from defectory.storage import check_outputs

    with pytest.raises(OutputError, match="contains the input"):
        check_outputs([output], inputs=[tmp_path / "out.unfinished/result/pictures"])
