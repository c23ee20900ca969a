"""A signal that comes right after something was made: it is known, and goes."""

import signal
from pathlib import Path

import pytest

from defectory.storage import FileKind, OutputFile, OutputFolder, check_outputs, write_outputs
from tests.unit.storage.places import names

NOTE = FileKind("a note", lambda path: path.read_bytes().startswith(b"note "))


@pytest.fixture(params=["mkdir", "touch"])
def interrupted(request, tmp_path, monkeypatch):
    """Ctrl-C comes with the first folder or file that is made."""
    make, came = getattr(Path, request.param), []

    def make_and_interrupt(path, *arguments, **options):
        make(path, *arguments, **options)
        if not came:
            came.append(path)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, request.param, make_and_interrupt)
    return came


@pytest.mark.parametrize("place", ["", "deep/er"])
def test_nothing_stays_of_what_was_just_made(place, interrupted, tmp_path):
    outputs = [
        OutputFolder(tmp_path / place / "out", "test"),
        OutputFile(tmp_path / place / "note", NOTE),
    ]
    with pytest.raises(KeyboardInterrupt), write_outputs(outputs):
        raise AssertionError("it went on")
    assert interrupted
    assert names(tmp_path) == []


def test_nothing_stays_of_a_probe(tmp_path, monkeypatch):
    make = Path.mkdir

    def make_and_interrupt(path, *arguments, **options):
        make(path, *arguments, **options)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Path, "mkdir", make_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        check_outputs([OutputFile(tmp_path / "note", NOTE)])
    assert names(tmp_path) == []
