"""The cache folder is described and cleared: our own files, and nothing else."""

import os
import time

import pytest

from defectory.domain import OutputError, ParameterError
from defectory.workflows import cache_folder
from defectory.workflows.cache_folder import clear_cache, describe_cache

DAY = 86400.0
KEY = "ab" * 32


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache with two files of each kind, one of them old, and what a killed process left."""
    root = tmp_path / "cache"
    monkeypatch.setenv("DEFECTORY_CACHE", str(root))
    for name, size, days in [
        (f"features/ab/{KEY}.features", 1000, 0),
        (f"features/cd/{'cd' * 32}.features", 2000, 40),
        (f"features/ab/.{KEY}.features.0123.part", 300, 40),
        ("backbones/efficientnet-lite0-0123.onnx", 5000, 40),
        ("backbones/efficientnet-lite0-0123.json", 50, 0),
        ("training/0123.checkpoint", 700, 0),
    ]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        then = time.time() - days * DAY
        os.utime(path, (then, then))
    return root


def files_of(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}


def test_it_is_counted_by_kind(folder):
    usage = describe_cache()
    assert usage.folder == folder
    assert [(k.kind, k.n_files, k.n_bytes) for k in usage.kinds] == [
        ("features", 3, 3300), ("backbones", 2, 5050), ("training", 1, 700), ("remote", 0, 0),
    ]  # fmt: skip
    assert usage.n_bytes == 9050
    assert [kind.max_bytes is None for kind in usage.kinds] == [False, True, True, True]
    features = usage.kinds[0]
    assert features.newest_s < 60
    assert 40 * DAY <= features.oldest_s < 40 * DAY + 60


def test_all_goes_with_its_folders(folder):
    cleared = clear_cache()
    assert (cleared.n_files, cleared.n_bytes, cleared.n_kept) == (6, 9050, 0)
    assert list(folder.iterdir()) == []
    assert clear_cache().n_files == 0


def test_kinds_and_ages_are_chosen(folder):
    assert clear_cache(["backbones"], older_than_s=30 * DAY).n_files == 1
    assert (folder / "backbones/efficientnet-lite0-0123.json").is_file()
    assert clear_cache(older_than_s=30 * DAY).n_files == 2
    assert files_of(folder) == {
        f"features/ab/{KEY}.features", "backbones/efficientnet-lite0-0123.json",
        "training/0123.checkpoint",
    }  # fmt: skip
    assert clear_cache(["training"]).n_files == 1


def test_foreign_files_stay(folder, tmp_path):
    foreign = ["notes.txt", "features/readme.md", "features/ab/picture.png", "training/x.bin"]
    foreign += [f"features/{KEY}.features", "other/x.onnx", f"features/ab/{KEY}.features.bak"]
    for name in foreign:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"mine")
    clear_cache()
    assert files_of(folder) == set(foreign)


def test_nothing_behind_a_link_is_counted_or_removed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in (f"{KEY}.features", "x.checkpoint", "x.onnx"):
        (outside / name).write_bytes(b"precious")
    clear_cache()
    (folder / "features").mkdir()
    (folder / "features" / "ab").symlink_to(outside)
    (folder / "training").symlink_to(outside)
    (folder / "backbones").mkdir()
    (folder / "backbones" / "x.onnx").symlink_to(outside / "x.onnx")
    assert describe_cache().n_bytes == 0
    assert clear_cache().n_files == 0
    assert len(files_of(outside)) == 3
    assert (folder / "backbones" / "x.onnx").is_symlink()


def test_a_missing_folder_is_empty(monkeypatch, tmp_path):
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "none"))
    assert describe_cache().n_bytes == 0
    assert clear_cache().n_files == 0
    (tmp_path / "none").write_text("a file")
    assert describe_cache().n_bytes == 0
    assert clear_cache().n_files == 0


def test_what_cannot_be_removed_is_said(folder, monkeypatch):
    def refuse(self, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache_folder.Path, "unlink", refuse)
    with pytest.raises(OutputError, match=r"cannot remove anything from .*Permission denied"):
        clear_cache()


def test_an_unknown_kind_is_refused(folder):
    with pytest.raises(ParameterError, match="holds no 'images'"):
        clear_cache(["images"])
    assert len(files_of(folder)) == 6
