"""A part of the work in a process that sees what the command sees, and in one that does not."""

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from defectory.domain import BundleError, ManifestError, NoProgress
from defectory.machine import count_cores
from defectory.workflows.elsewhere import ElsewhereError, shared_with_others


@pytest.fixture(autouse=True)
def _stay(monkeypatch):
    monkeypatch.chdir(Path.cwd())


def test_a_part_runs_as_where_the_command_does(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    found = []
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        with shared_with_others(Path("data"), 3) as elsewhere:
            elsewhere = pickle.loads(pickle.dumps(elsewhere))
            patch.chdir("/")
            work = lambda part, *, progress: found.append((part, Path.cwd(), count_cores()))  # noqa: E731
            elsewhere.run(work, "part", NoProgress())
    assert found == [("part", tmp_path, 3)]
    assert not list((tmp_path / "data").iterdir())


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path):
    with shared_with_others(tmp_path, 1) as elsewhere:
        other = replace(
            elsewhere, mark=tmp_path / "elsewhere" / elsewhere.mark.name, here=Path("/gone")
        )
        with pytest.raises(
            ElsewhereError, match=rf"on {os.uname().nodename}: .*/elsewhere is not there, or"
        ):
            other.run(lambda part, *, progress: None, 0, NoProgress())


def test_errors_of_users_come_back_with_all_that_was_said(tmp_path):
    def fail(part, *, progress):
        error = part
        error.add_note("3 images are done")
        raise error

    with shared_with_others(tmp_path, 1) as elsewhere:
        for error in (BundleError("is damaged"), ManifestError("2 problems", ("one", "two"))):
            with pytest.raises(ElsewhereError) as caught:
                elsewhere.run(fail, error, NoProgress())
            told = str(pickle.loads(pickle.dumps(caught.value)))
            assert str(error) in told
            assert told.endswith("; 3 images are done")
