"""Copies of objects: kept as long as they are what the store has, and named by address in lists."""

import json

import fsspec
import numpy as np
import pytest

from defectory.domain import DataError, NoProgress
from defectory.remote import RemotePath
from defectory.remote.copies import fetch_copies, fetch_copy, place_of
from defectory.sources import read_dataset
from defectory.sources.manifest_writing import write_manifest
from defectory.workflows.remote_data import bring_here
from tests.pictures import disc, save


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A store with two images and a bundle."""
    monkeypatch.setenv("DEFECTORY_CACHE", str(tmp_path / "cache"))
    files = fsspec.filesystem("memory")
    content = save(tmp_path / "a.png", disc(np.random.default_rng(0), 32)).read_bytes()
    for name in ("good/1.png", "bad/2.png"):
        files.pipe_file(f"/shelf/{name}", content)
    files.pipe_file("/shelf/a.defectory", b"bundle")
    yield files
    files.rm("/shelf", recursive=True)


def test_a_folder_is_as_the_store_has_it_and_other_copies_stay(box):
    bundle = fetch_copy(RemotePath("memory://shelf/a.defectory"))
    folder = bring_here(RemotePath("memory://shelf"), NoProgress())
    assert [sample.name for sample in read_dataset(folder).samples] == ["bad/2.png", "good/1.png"]
    box.rm_file("/shelf/bad/2.png")
    box.pipe_file("/shelf/good/3.png", b"new")
    assert bring_here(RemotePath("memory://shelf"), NoProgress()) == folder
    assert sorted(path.name for path in folder.rglob("*.*")) == ["1.png", "3.png", "a.defectory"]
    assert bundle.read_bytes() == b"bundle"


def test_what_is_cut_off_or_gone_is_fetched_again(box):
    path = RemotePath("memory://shelf/good/1.png")
    copy = fetch_copy(path)
    whole = copy.read_bytes()
    copy.write_bytes(whole[:10])
    assert fetch_copy(path).read_bytes() == whole
    copy.unlink()
    assert fetch_copy(path).read_bytes() == whole
    box.rm_file("/shelf/good/1.png")
    with pytest.raises(DataError, match=r"no such file or folder: memory://shelf/good/1\.png"):
        fetch_copy(path)


def test_lists_name_addresses_and_read_them_again(box, tmp_path):
    dataset = read_dataset(bring_here(RemotePath("memory://shelf"), NoProgress()))
    write_manifest(dataset, tmp_path / "list.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "list.jsonl").read_text().splitlines()]
    assert [row["path"] for row in rows] == [
        "memory://shelf/bad/2.png",
        "memory://shelf/good/1.png",
    ]
    place_of(RemotePath(rows[0]["path"])).unlink()
    again = read_dataset(bring_here(tmp_path / "list.jsonl", NoProgress()))
    assert [sample.path for sample in again.samples] == [sample.path for sample in dataset.samples]
    assert [sample.label for sample in again.samples] == [s.label for s in dataset.samples]
    assert [sample.name for sample in again.samples] == [row["path"] for row in rows]
    box.rm_file("/shelf/bad/2.png")
    with pytest.raises(DataError, match="no such object"):
        read_dataset(bring_here(tmp_path / "list.jsonl", NoProgress()))


def test_addresses_that_differ_in_their_query_only_are_refused(box):
    with pytest.raises(DataError, match="listed with two queries"):
        fetch_copies([RemotePath(f"https://host/a.png?id={i}") for i in range(2)], None)
