"""The cache as a user meets it: shown, cleared, unwritable, damaged."""

import pytest

from defectory.backbones import feature_cache
from tests.e2e.conftest import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fit(parts, bundle, *options):
    return run("fit", parts, "-o", bundle, "--size", 64, "--detector", "gaussian", *options)


def test_it_is_shown_and_cleared(parts, tmp_path, folder):
    assert "features   nothing" in run("cache").output
    done = fit(parts, tmp_path / "a.defectory")
    assert done.exit_code == 0
    assert "cache" not in done.output
    shown = run("cache").output
    assert str(folder) in shown
    assert "features   16 files" in shown
    assert "of at most 4.3 GB" in shown
    assert "backbones  2 files" in shown
    assert "Removed 0 files" in run("cache", "clear", "--older-than", "1d").output
    assert "Removed 2 files" in run("cache", "clear", "--kind", "backbones").output
    assert "Removed 16 files" in run("cache", "clear").output
    assert not list(folder.rglob("*.*"))


@pytest.mark.parametrize("age", ["soon", "0d", "-1d"])
def test_an_age_that_is_none_is_refused(folder, age):
    assert run("cache", "clear", "--older-than", age).exit_code == 2


def test_a_file_in_its_place_is_said_once_and_does_no_harm(parts, tmp_path, folder):
    folder.write_text("mine")
    done = fit(parts, tmp_path / "a.defectory")
    assert done.exit_code == 0
    assert done.output.count("cannot be written") == 1
    assert folder.read_text() == "mine"
    plain = fit(parts, tmp_path / "b.defectory", "--no-cache")
    assert "cannot be written" not in plain.output


def test_a_full_disk_is_said_once_and_does_no_harm(parts, tmp_path, folder, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feature_cache, "write_whole", full)
    done = fit(parts, tmp_path / "a.defectory")
    assert done.exit_code == 0
    assert done.output.count("No space left on device") == 1


@pytest.mark.thorough
def test_damaged_records_are_said_once_and_made_anew(parts, tmp_path, folder):
    first = fit(parts, tmp_path / "a.defectory")
    records = sorted(folder.rglob("*.features"))
    whole = [path.read_bytes() for path in records[:3]]
    for path in records[:3]:
        path.write_bytes(path.read_bytes()[:-7])
    done = fit(parts, tmp_path / "b.defectory")
    assert done.exit_code == 0
    assert "3 records of the cache were damaged" in done.output
    assert [path.read_bytes() for path in records[:3]] == whole
    assert "records of the cache" not in first.output
    thresholds = [out.output.partition("Threshold ")[2][:30] for out in (first, done)]
    assert thresholds[0] == thresholds[1] != ""


@pytest.mark.thorough
def test_damaged_training_starts_again(parts, tmp_path, folder, monkeypatch):
    from defectory.detectors.memseg import MemSeg

    monkeypatch.setattr(
        MemSeg.__init__, "__kwdefaults__", {**MemSeg.__init__.__kwdefaults__, "n_steps": 2}
    )
    (folder / "training").mkdir(parents=True)
    from defectory.workflows.fitting import limits

    found = limits.Limits.training_resources

    def with_damage(self, *arguments, **options):
        resources = found(self, *arguments, **options)
        resources.checkpoint.write_bytes(b"not a checkpoint")
        return resources

    monkeypatch.setattr(limits.Limits, "training_resources", with_damage)
    done = run("fit", parts, "-o", tmp_path / "a.defectory", "--size", 64, "--detector", "memseg")
    assert done.exit_code == 0, done.output
    assert "an interrupted training in the cache is damaged" in done.output
    assert not list((folder / "training").iterdir())
