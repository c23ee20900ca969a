"""Manifests parse, or say file, line, column and value."""

import json
import os

import numpy as np
import pytest

from defectory.domain import DataError, Label, ManifestError, OutputError
from defectory.sources import read_dataset
from defectory.sources.manifest_writing import write_manifest
from tests.pictures import save, write_mvtec

PIXEL = np.zeros((4, 5, 3), np.uint8)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png", "m.png", "sub/c.png"):
        save(tmp_path / name, PIXEL)
    return tmp_path


def csv_of(folder, text, encoding="utf-8"):
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_csv_with_every_column(folder):
    path = csv_of(
        folder,
        "path,label,mask,split,group,type\n"
        "a.png,good,,train,lot 1,\n"
        "sub/c.png,NG,m.png,test,,dent\n"
        "\n"
        "b.png,,,val, ,\n",
    )
    dataset = read_dataset(path)
    assert (dataset.layout, dataset.root) == ("csv", folder)
    a, c, b = dataset.samples
    assert (a.label, a.split, a.group, a.mask_path) == (Label.NORMAL, "train", "lot 1", None)
    assert (c.label, c.split, c.defect_type) == (Label.ANOMALOUS, "test", "dent")
    assert (c.path, c.mask_path, c.name) == (folder / "sub/c.png", folder / "m.png", "sub/c.png")
    assert (b.label, b.split, b.group) == (Label.UNLABELED, "train", None)


def test_jsonl(folder):
    path = folder / "list.jsonl"
    rows = [{"path": "a.png", "label": 1, "mask": None}, {"path": "b.png", "label": "-1"}]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    dataset = read_dataset(path)
    assert dataset.layout == "jsonl"
    np.testing.assert_array_equal(dataset.labels, [1, -1])


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *((word, 0) for word in ("normal", "Good", "ok", " OK ", "0")),
        *((word, 1) for word in ("anomalous", "defect", "bad", "ng", "1")),
        *((word, -1) for word in ("unlabeled", "", "-1")),
    ],
)
def test_label_words(folder, text, label):
    assert read_dataset(csv_of(folder, f"path,label\na.png,{text}\n")).labels.tolist() == [label]


def test_byte_order_mark_and_windows_lines(folder):
    path = csv_of(folder, "Path,Label\r\na.png,good\r\n", encoding="utf-8-sig")
    assert len(read_dataset(path)) == 1


BAD_CSV = {
    "no path column": ("label\ngood\n", r"line 1: no column 'path'"),
    "column twice": ("path,label,label\na.png,ok,ok\n", "a column appears twice"),
    "bad label": ("path,label\na.png,good\nb.png,maybe\n", r"line 3, column 'label': 'maybe'"),
    "bad split": ("path,split\na.png,holdout\n", r"line 2, column 'split': 'holdout'"),
    "missing image": ("path\na.png\nz.png\n", r"line 3, column 'path': 'z\.png'"),
    "missing mask": ("path,mask\na.png,z.png\n", r"line 2, column 'mask': 'z\.png'"),
    "no image": ("path,label\n,good\n", r"line 2, column 'path': ''"),
    "too many values": ("path,label\na.png,good,extra\n", "line 2: 3 values for 2 columns"),
    "listed twice": (
        "path,group\na.png,1\nb.png,\n./a.png,2\n",
        r"line 4: 'a\.png' is listed already in line 2, with another mask, split, group or type",
    ),
    "two labels": (
        "path,label\na.png,OK\nb.png,\nsub/../a.png,NOK\n",
        r"line 4: 'sub/\.\./a\.png' is anomalous here and normal in line 2; keep one",
    ),
    "open quote": ('path\n"a.png\n', "not CSV"),
    "line after a quoted line break": (
        'path,type\na.png,"two\nlines"\nz.png,\n',
        r"line 4, column 'path'",
    ),
    "zero byte": ("path\n\0\n", "line 2"),
    "empty file": ("", "no column 'path'"),
}


@pytest.mark.parametrize(("text", "message"), BAD_CSV.values(), ids=BAD_CSV.keys())
def test_bad_csv_names_the_place(folder, text, message):
    path = csv_of(folder, text)
    with pytest.raises(ManifestError, match=message) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)


BAD_JSONL = {
    "not json": ('{"path": "a.png"}\n{"path": \n', r"line 2: not JSON"),
    "not an object": ('["a.png"]\n', "line 1: expected an object"),
    "a list": ('{"path": ["a.png"]}\n', "line 1, column 'path'"),
    "a fraction": ('{"path": "a.png", "label": 0.5}\n', "line 1, column 'label': '0.5'"),
    "two": ('{"path": "a.png", "label": 2}\n', "line 1, column 'label': '2'"),
    "half a character": ('{"path": "\\ud800"}\n', "line 1, column 'path'"),
}


@pytest.mark.parametrize(("text", "message"), BAD_JSONL.values(), ids=BAD_JSONL.keys())
def test_bad_jsonl_names_the_place(folder, text, message):
    path = folder / "list.jsonl"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message) as caught:
        read_dataset(path)
    assert str(path) in str(caught.value)


def test_manifest_without_images(folder):
    with pytest.raises(DataError, match="lists no images"):
        read_dataset(csv_of(folder, "path,label\n"))


def test_paths_outside_the_folder(folder):
    (folder / "lists").mkdir()
    path = folder / "lists" / "list.csv"
    path.write_text(f"path\n../a.png\n{folder / 'b.png'}\n")
    dataset = read_dataset(path)
    assert [s.name for s in dataset.samples] == ["../a.png", (folder / "b.png").as_posix()]
    assert all(s.path.is_file() for s in dataset.samples)


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_a_folder_becomes_a_manifest_and_stays_the_same(tmp_path, extension):
    dataset = read_dataset(write_mvtec(tmp_path, size_px=32))
    path = tmp_path / f"list.{extension}"
    write_manifest(dataset, str(path))
    assert read_dataset(path).samples == dataset.samples
    assert read_dataset(path).fingerprint() == dataset.fingerprint()
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name]


def test_manifest_elsewhere_still_finds_the_files(tmp_path):
    dataset = read_dataset(write_mvtec(tmp_path / "data", size_px=32))
    (tmp_path / "lists").mkdir()
    write_manifest(dataset, tmp_path / "lists" / "list.csv")
    again = read_dataset(tmp_path / "lists" / "list.csv")
    assert [s.path.resolve() for s in again.samples] == [s.path for s in dataset.samples]
    assert again.samples[0].name == "../data/test/good/000.png"


def test_manifest_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    dataset = read_dataset(write_mvtec(tmp_path, size_px=32))
    path = tmp_path / "list.csv"
    write_manifest(dataset.subset("test"), path)
    before = path.read_text()

    def full_disk(*_args):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("defectory.storage.transactions.exchange", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write_manifest(dataset, path, overwrite=True)
    assert path.read_text() == before
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name]


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_only_a_manifest_of_our_form_is_replaced_and_only_on_demand(tmp_path, extension):
    dataset = read_dataset(write_mvtec(tmp_path, size_px=32))
    path = tmp_path / f"list.{extension}"
    write_manifest(dataset.subset("test"), path)
    with pytest.raises(OutputError, match="exists already"):
        write_manifest(dataset, path)
    write_manifest(dataset, path, overwrite=True)
    assert len(read_dataset(path)) == len(dataset)
    path.write_text("path,label\nmine.png,good\n" if extension == "csv" else '{"mine": 1}\n')
    before = path.read_text()
    with pytest.raises(OutputError, match="not a manifest that defectory wrote"):
        write_manifest(dataset, path, overwrite=True)
    assert path.read_text() == before


def test_a_manifest_never_takes_the_place_of_an_image(tmp_path):
    dataset = read_dataset(write_mvtec(tmp_path, size_px=32))
    (tmp_path / "list.csv").hardlink_to(dataset.samples[0].path)
    with pytest.raises(OutputError, match="is what this command reads"):
        write_manifest(dataset, tmp_path / "list.csv", overwrite=True)


def test_manifest_of_another_kind_is_refused(tmp_path):
    dataset = read_dataset(write_mvtec(tmp_path, size_px=32))
    with pytest.raises(OutputError, match=r"list\.xlsx: the name must end in \.csv or \.jsonl"):
        write_manifest(dataset, tmp_path / "list.xlsx")
