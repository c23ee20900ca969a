"""Lazy lists: the names and files that `read_images` gives, one by one, and its errors."""

import json
import os

import pyarrow
import pyarrow.parquet
import pytest

from defectory.domain import DataError, ManifestError
from defectory.sources import read_dataset, read_images
from defectory.sources.listing import list_images
from defectory.sources.parquet_files import opened_parquet

NAMES = ["a/1.png", "a/2.png", "b ö/3.JPG"]


@pytest.fixture
def folder(tmp_path):
    for name in (*NAMES, "masks/1.png", "a/.hidden.png", "notes.txt"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "data"


def listed(path):
    listing = list_images(path)
    return sorted(listing.find(name) for name in listing.names())


def known(path):
    return sorted((sample.path, sample.name) for sample in read_images(path).samples)


def write_parquet(path, rows):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def test_a_folder_gives_what_is_read_of_it(folder):
    (folder / "a/back").symlink_to(folder)
    assert listed(folder) == known(folder)
    assert len(listed(folder)) == 3
    assert listed(folder / NAMES[0]) == known(folder / NAMES[0])


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("m.csv", "path,label\na/1.png,1\n\na/2.png,0\n'b ö/3.JPG',0\n", "utf-8"),
        ("m.csv", "sep=;\r\nBild;x\r\na\\1.png;\r\n./a/2.png\r\nb ö/3.JPG;\r\n", "utf-8-sig"),
        ("m.tsv", "Datei\tx\na/1.png\t\nb ö/3.JPG\t\n", "cp1252"),
        ("m.csv", "file,x\na/1.png,1\na/2.png,\n", "utf-16"),
        ("m.csv", "file,x\na/1.png,1\na/2.png,\n", "utf-16-le"),
        ("m.jsonl", '{"image": "a/1.png"}\n\n{"image": "a/2.png", "x": [1]}\n', "utf-8"),
        ("m.json", '[{"image": "a/1.png"}, {"image": "a/2.png"}]', "utf-8"),
    ],
)
def test_a_manifest_gives_what_is_read_of_it(name, text, encoding, folder):
    (folder / name).write_bytes(text.encode(encoding))
    assert listed(folder / name) == known(folder / name)
    assert len(listed(folder / name)) >= 2


def test_a_parquet_manifest_is_read_as_others_are(folder):
    rows = [
        {"Pfad": name, "label": i % 2, "group": None, "t": b"x"} for i, name in enumerate(NAMES)
    ]
    write_parquet(folder / "m.parquet", rows)
    assert listed(folder / "m.parquet") == known(folder / "m.parquet")
    dataset = read_dataset(folder / "m.parquet")
    assert (dataset.layout, dataset.labels.tolist()) == ("parquet", [0, 1, 0])
    assert [sample.name for sample in dataset.samples] == NAMES
    assert dataset.groups is None


def test_files_that_are_missing_are_listed_all_the_same(folder):
    (folder / "m.csv").write_text("path\ngone.png\n/nowhere/x.png\n")
    assert [name for _, name in listed(folder / "m.csv")] == ["/nowhere/x.png", "gone.png"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.csv", b"path,x\na.png,1,2\n", r"m.csv, line 2: 3 values for 2 columns"),
        ("m.csv", b"path,x\na.png,1\n,2\n", r"m.csv, line 3: expected an image file"),
        ("m.csv", b'path,x\n"a"b,1\n', r"m.csv, line 2: not CSV"),
        ("m.csv", b"a.png\nb.png\n", r"no column 'path'.*; there is 'a.png'"),
        ("m.csv", b"\xff\xfef\x00i\x00l\x00e\x00\n\x00a", r"is damaged: it begins as UTF-16"),
        ("m.csv", b"path\n\n", r"lists no images"),
        ("m.jsonl", b'{"path": "a.png"}\nno\n', r"m.jsonl, line 2: not JSON"),
        ("m.jsonl", b'{"path": "a.png"}\n3\n', r"line 2: expected an object"),
        ("m.jsonl", b'{"path": "a.png"}\n{"x": 3}\n', r"line 2: expected an image file"),
        ("m.jsonl", b"", r"lists no images"),
        ("m.parquet", b"PAR1 no", r"m.parquet is no Parquet, or damaged"),
        ("m.xlsx", b"PK\x03\x04", r"is a workbook"),
        ("m.pdf", b"", r"neither an image nor a manifest"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(name, content, says, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        list(list_images(tmp_path / name).names())
    assert "\n" not in str(caught.value)


def test_a_parquet_file_without_images_says_what_it_holds(tmp_path):
    write_parquet(tmp_path / "m.parquet", [{"n": 1}])
    for read in (read_images, lambda path: list(list_images(path).names())):
        with pytest.raises(ManifestError, match=r"no column 'path'.*; there is 'n'"):
            read(tmp_path / "m.parquet")


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    (tmp_path / "x.txt").touch()
    with pytest.raises(DataError, match=r"no images in .*; it holds x.txt"):
        list(list_images(tmp_path).names())
    with pytest.raises(DataError, match="no such file or folder"):
        list_images(tmp_path / "gone")


def test_names_that_are_no_text_are_listed(tmp_path):
    name = os.fsdecode(b"\xe9.png")
    (tmp_path / name).touch()
    (tmp_path / "m.csv").write_bytes(b"path\n\xe9.png\n")
    (tmp_path / "m.jsonl").write_text(json.dumps({"path": name}))
    for path in (tmp_path, tmp_path / "m.csv", tmp_path / "m.jsonl"):
        assert listed(path) == known(path) == [(tmp_path / name, name)]


def test_reading_parquet_leaves_the_pool_of_arrow_as_it_was(folder):
    path = folder / "list.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"path": NAMES}), path)
    before = pyarrow.default_memory_pool().backend_name
    with opened_parquet(path):
        assert pyarrow.default_memory_pool().backend_name == "system"
    assert pyarrow.default_memory_pool().backend_name == before
    path.write_text("no Parquet")
    with pytest.raises(ManifestError), opened_parquet(path):
        pass
    assert pyarrow.default_memory_pool().backend_name == before
