"""A file of a finished folder is replaced, and the folder stays ours at any moment."""

import pytest

from defectory.storage import OutputFolder, write_outputs
from defectory.storage.members import replace_member


@pytest.fixture
def folder(tmp_path):
    with write_outputs([OutputFolder(tmp_path / "out", "export")]) as (part,):
        (part / "a.json").write_text("old")
        (part / "b.json").write_text("other")
    return tmp_path / "out"


def test_the_file_is_replaced_and_the_folder_stays_replaceable(folder):
    replace_member(folder, "a.json", b"new")
    assert (folder / "a.json").read_text() == "new"
    assert "of 2 files" in OutputFolder(folder, "export").check_replaceable()


def test_a_file_that_a_person_changes_later_is_still_seen(folder):
    replace_member(folder, "a.json", b"new")
    (folder / "a.json").write_text("mine")
    with pytest.raises(Exception, match=r"a\.json, changed since"):
        OutputFolder(folder, "export").check_replaceable()


@pytest.mark.parametrize("n_done", range(4))
def test_whatever_ends_it_the_folder_stays_ours(folder, monkeypatch, n_done):
    calls = 0

    def count(function):
        def counted(*arguments):
            nonlocal calls
            calls += 1
            if calls > n_done:
                raise KeyboardInterrupt
            return function(*arguments)

        return counted

    for name in ("write_marker", "sync_file", "read_content"):
        function = getattr(__import__("defectory.storage.members", fromlist=[name]), name)
        monkeypatch.setattr(f"defectory.storage.members.{name}", count(function))
    with pytest.raises(KeyboardInterrupt):
        replace_member(folder, "a.json", b"new")
    assert (folder / "a.json").read_text() in ("old", "new")
    assert OutputFolder(folder, "export").check_replaceable()


def test_a_folder_without_a_marker_is_written_all_the_same(tmp_path):
    replace_member(tmp_path, "a.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
