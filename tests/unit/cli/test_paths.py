"""Paths as people type them."""

from pathlib import Path

import click
import pytest

from defectory.cli.paths import ANY_PATH, FILE_TO_WRITE


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_path_does_not_mean_this_folder(empty):
    with pytest.raises(click.BadParameter, match="empty"):
        ANY_PATH.convert(empty, None, None)


def test_a_file_to_write_is_no_folder():
    with pytest.raises(click.BadParameter, match="ends like a folder"):
        FILE_TO_WRITE.convert("models/", None, None)
    assert ANY_PATH.convert("models/", None, None) == Path("models")


def test_the_home_folder_is_known_unless_a_file_is_called_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert ANY_PATH.convert("~/parts", None, None) == tmp_path / "parts"
    (tmp_path / "~backup").touch()
    assert ANY_PATH.convert("~backup", None, None) == Path("~backup")
