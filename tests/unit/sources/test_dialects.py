"""Manifests as Excel, scripts and people write them: read right, saying what was assumed."""

import json
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.domain import DataError, Label, ManifestError
from defectory.sources import read_dataset
from tests.pictures import save

PIXEL = np.zeros((4, 5, 3), np.uint8)
N, A, U = Label.NORMAL, Label.ANOMALOUS, Label.UNLABELED
FILES = ("good/a.png", "bad/b.png", "bad/c d.png", "Prüfung/ä.png", "masks/b.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("lists")
    for name in FILES:
        save(root / name, PIXEL)
    return root


def read(folder, content, name="list.csv", **words):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_dataset(path, **words)


PLAIN = "path,label\ngood/a.png,ok\nbad/b.png,nok\nbad/c d.png,\n"
BY_NAME = "by their name, below the manifest's folder"

# content -> what the notes say; all mean: a is normal, b is anomalous, "c d" is unlabeled
DIALECTS = {
    "plain": (PLAIN, ""),
    "semicolons": (PLAIN.replace(",", ";"), "parted by semicolons"),
    "tabs": (PLAIN.replace(",", "\t"), "parted by tabs"),
    "bars": (PLAIN.replace(",", "|"), "parted by bars"),
    "sep line": ("sep=;\r\n" + PLAIN.replace(",", ";"), "semicolons"),
    "sep line, quoted": ('"sep=;"\n' + PLAIN.replace(",", ";"), "semicolons"),
    "sep line, tab": ("sep=\t\n" + PLAIN.replace(",", "\t"), "tabs"),
    "utf-8 with mark": ("\ufeff".encode() + PLAIN.encode(), ""),
    "utf-16": (PLAIN.encode("utf-16"), "UTF-16"),
    "utf-16 big-endian": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), "UTF-16"),
    "utf-16 without mark": (PLAIN.encode("utf-16-le"), "UTF-16"),
    "windows lines": (PLAIN.replace("\n", "\r\n"), ""),
    "old mac lines": (PLAIN.replace("\n", "\r"), ""),
    "no last line end": (PLAIN.rstrip("\n") + "", ""),
    "blank rows": (PLAIN.replace("\n", "\n\n") + "\n,\n,,,\n", ""),
    "blank columns": (PLAIN.replace("\n", ",,\n"), ""),
    "all quoted": ('"path","label"\n"good/a.png","ok"\n"bad/b.png","nok"\n"bad/c d.png",""\n', ""),
    "short rows": (PLAIN.replace("c d.png,", "c d.png"), "1 rows have fewer values than columns"),
    "spaces": ("path , label\n good/a.png , OK \nbad/b.png, NOK\nbad/c d.png, \n", ""),
    "backslashes": (PLAIN.replace("/", "\\"), "3 files found with slashes for backslashes"),
    "dot slash": (PLAIN.replace("\ngood", "\n./good"), ""),
    "windows paths": (PLAIN.replace("\n", "\nD:\\data\\set\\").replace("/", "\\")[:-12], BY_NAME),
    "names only": (PLAIN.replace("good/", "").replace("bad/", ""), BY_NAME),
    "no ending": (PLAIN.replace(".png", ""), BY_NAME),
    "other case": (PLAIN.replace("good/a.png", "GOOD/A.PNG"), BY_NAME),
    "other folder above": (PLAIN.replace("\n", "\nmy set/")[:-7], BY_NAME),
    "German": (
        "Datei;Ergebnis;Prüfer\ngood/a.png;i.O.;Müller\nbad/b.png;n.i.O.;Weiß\nbad/c d.png;;\n".encode(
            "cp1252"
        ),
        "columns read: 'Datei' as path, 'Ergebnis' as label | columns ignored: 'Prüfer' | "
        "labels read: 'i.O.' = normal, 'n.i.O.' = anomalous",
    ),
    "French": (
        "Fichier;Étiquette\ngood/a.png;bon\nbad/b.png;défaut\nbad/c d.png;\n".encode("latin-1"),
        "1252",
    ),
    "numbers": (PLAIN.replace("nok", "1").replace("ok", "0"), "'0' = normal, '1' = anomalous"),
    "decimal commas": (
        "path;label;score\ngood/a.png;0,0;0,25\nbad/b.png;1,0;3,5\nbad/c d.png;;\n",
        "columns ignored: 'score'",
    ),
    "is_defect": (
        "image,is_defect\ngood/a.png,False\nbad/b.png,True\nbad/c d.png,\n",
        "'is_defect' as label",
    ),
    "ok": ("image,ok\ngood/a.png,1\nbad/b.png,0\nbad/c d.png,\n", "'1' = normal, '0' = anomalous"),
    "minus one": (PLAIN.replace("d.png,", "d.png,-1"), "'-1' = unlabeled"),
    "further columns": (
        PLAIN.replace("label", "label,station").replace("ok", "ok,7"),
        "ignored: 'station'",
    ),
    "scores returned": (
        "image,score,threshold,is_anomalous,label\ngood/a.png,.1,.5,True,ok\nbad/b.png,.2,.5,False,nok\n"
        "bad/c d.png,.2,.5,True,\n",
        "'is_anomalous'",
    ),
    "repeated rows": (PLAIN + "good/a.png,ok\n", "1 row repeated"),
    "jsonl in other words": (
        '{"filename": "a", "is_defect": false}\n\n{"filename": "b.png", "is_defect": 1}\n'
        '{"filename": "bad\\\\c d.png", "x": [1, {"y": null}]}\n',
        "ignored: 'x'",
    ),
    "a json list": (
        json.dumps(
            [{"path": "a", "label": "OK"}, {"path": "b", "label": "NG"}, {"path": "c d"}], indent=1
        ),
        "one list",
    ),
}


@pytest.mark.parametrize(("content", "said"), DIALECTS.values(), ids=DIALECTS.keys())
def test_every_dialect_means_the_same(folder, content, said):
    is_json = content[:1] in ("{", "[")
    dataset = read(folder, content, "list.jsonl" if is_json else "list.csv")
    assert [s.path for s in dataset.samples] == [folder / n for n in FILES[:3]]
    assert dataset.labels.tolist() == [0, 1, -1]
    notes = " | ".join(dataset.notes)
    assert said in notes
    assert said or not notes


ROWS = ("good/a.png", "bad/b.png", "bad/c d.png")


@pytest.mark.parametrize(
    ("header", "cells", "says"),
    [
        ("Bild;Prüfergebnis;Bemerkung", ("OK;", "NOK;Kratzer", ";"), "'Prüfergebnis'"),
        ("Bild;Prüfer;Anlage", ("Müller;OK", "Weiß;NOK", ";OK"), "'Anlage'"),
        ("Bild;Prüfer;Bemerkung", ("Müller;", "Weiß;Kratzer", "Weiß;ok?"), None),
        ("Bild;Schicht", ("1", "0", "1"), None),  # numbers may count anything
        ("Bild;Leer", ("", "", ""), None),
        ("Bild;score;outcome", ("1;accepted", "2;rejected", "3;rejected"), None),  # of a model
        ("Bild;Ergebnis;Prüfergebnis", ("OK;OK", "NOK;NOK", ";"), None),  # labels there are
    ],
)
def test_a_column_that_looks_like_labels_is_named_where_there_are_none(folder, header, cells, says):
    rows = [f"{name};{cell}" for name, cell in zip(ROWS, cells, strict=True)]
    notes = read(folder, "\n".join([header, *rows])).notes
    looks = [note for note in notes if "looks like labels" in note]
    assert looks == ([f"{says} looks like labels: rename it to label"] if says else [])


def test_labels_of_one_kind_among_many_remarks_are_no_column_of_labels(folder):
    rows = [f"{name};{cell}" for name, cell in zip(ROWS, ("defekt", "Kratzer", "Öl"), strict=True)]
    assert "looks like" not in " ".join(read(folder, "\n".join(["Bild;Bemerkung", *rows])).notes)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_umlauts_in_names_and_text(folder, encoding):
    text = "path;group\nPrüfung\\ä.png;Größe\n"
    dataset = read(folder, text.encode(encoding))
    assert [(s.name, s.group) for s in dataset.samples] == [("Prüfung/ä.png", "Größe")]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["prüfung/ö.png", "prüfung/ö", "C:/old/prüfung/Ö.PNG"])
def test_names_are_found_however_a_system_composes_letters(tmp_path, on_disk, name):
    kept = unicodedata.normalize(on_disk, "prüfung/ö.png")
    save(tmp_path / kept, PIXEL)
    written = unicodedata.normalize("NFD" if on_disk == "NFC" else "NFC", name)
    (sample,) = read(tmp_path, f"path,label\n{written},ok\n".encode()).samples
    assert sample.path == tmp_path / kept


def test_masks_by_name_and_own_words(folder):
    text = "path,label,mask\nb.png,Kratzer,b.png\na.png,Charge 7,\n"
    dataset = read(folder, text, good_words=["charge7"], bad_words=["kratzer"])
    assert dataset.labels.tolist() == [1, 0]
    assert dataset.samples[0].mask_path == folder / "masks/b.png"


def test_tsv(folder):
    assert len(read(folder, PLAIN.replace(",", "\t"), "list.tsv")) == 3


def test_all_problems_are_said_at_once(folder):
    rows = "".join(f"gone{i}.png,maybe,\n" for i in range(12))
    text = f"path,label,split\n{rows}good/a.png,ok,holdout\nbad/b.png,ok,\nbad/b.png,nok,\n,,\nx,y,z,w\n"
    with pytest.raises(ManifestError) as caught:
        read(folder, text)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{folder / 'list.csv'}: 16 problems"
    assert len(lines) == 11
    assert lines[0] == "  line 18: 4 values for 3 columns"
    assert "line 2, column 'label': 'maybe' (12 rows) is not understood" in lines[1]
    assert lines[-1] == "  and 6 more"
    assert max(map(len, lines)) < 250


REFUSED = {
    "several of that name": ("path\nx.png\n", r"there are 2 such files \(one/x\.png, two/x\.png\)"),
    "another folder": ("path\ntest/a.png\n", "no such file"),
    "no header": ("good/a.png,ok\nbad/b.png,nok\n", "first line has to name the columns"),
    "empty": ("", "no column 'path'"),
    "result 1": ("file,result\na,1\nb,0\n", "does 1 mean good or bad"),
    "defect types": ("file,defect\na,none\nb,scratch\n", "line 3, column 'defect': 'scratch'"),
    "binary": (bytes(range(256)) * 4, "problem|no column|not CSV"),
    "half utf-16": ("path".encode("utf-16") + b"\0", "UTF-16"),
    "decisions are no labels": ("image,score,is_anomalous\nzzz,1,True\n", "no such file"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_clear_is_refused(folder, content, message):
    for place in ("one", "two"):
        save(folder / place / "x.png", PIXEL)
    with pytest.raises(DataError, match=message):
        read(folder, content)


def test_decisions_of_score_are_not_taken_for_labels(folder):
    columns, row = "image,score,is_anomalous,p_value,outcome", "good/a.png,1.5,True,.01,rejected"
    dataset = read(folder, f"{columns},is_discovery\n{row},True\n")
    assert dataset.labels.tolist() == [-1]
    assert "there is no column of labels: all images are taken as unlabeled" in dataset.notes


def test_workbooks_are_refused_by_name_and_by_content(folder):
    for name in ("list.xlsx", "list.xls", "list.csv"):
        with pytest.raises(ManifestError, match="save it as CSV"):
            read(folder, b"PK\x03\x04" + bytes(30), name)


CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"),
    min_size=1,
    max_size=8,
).filter(str.strip)  # a blank cell says nothing


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(FILES[:4]), st.sampled_from(["OK", "nok", ""]), CELLS),
                  min_size=1, max_size=4, unique_by=lambda row: row[0]),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
    separator_line=st.booleans(),
    backslashes=st.booleans(),
    headers=st.sampled_from([("path", "label"), ("Bild", "Klasse"), ("FILE NAME", "Result")]),
)  # fmt: skip
def test_any_dialect_reads_the_same(
    folder, rows, delimiter, encoding, line_end, quote_all, separator_line, backslashes, headers
):
    def cell(text):
        needs = quote_all or any(c in text for c in f'{delimiter}"\r\n') or text != text.strip()
        return '"' + text.replace('"', '""') + '"' if needs else text

    lines = [delimiter.join((*headers, "group"))]
    for path, label, group in rows:
        shown = path.replace("/", "\\") if backslashes else path
        lines.append(delimiter.join(map(cell, (shown, label, group))))
    text = (
        (f"sep={delimiter}{line_end}" if separator_line else "") + line_end.join(lines) + line_end
    )
    dataset = read(folder, text.encode(encoding))
    meaning = {"OK": N, "nok": A, "": U}
    assert [(s.path, s.label, s.group) for s in dataset.samples] == [
        (folder / path, meaning[label], group) for path, label, group in rows
    ]
