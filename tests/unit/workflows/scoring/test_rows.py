"""Tables of scores, and that Excel reads them."""

import csv

import pytest

from defectory.workflows.scoring.rows import table_name, write_rows

_ROW = {
    "image": "Prüfling; 1.png",
    "score": 1234.5,
    "threshold": 1.5e-07,
    "is_anomalous": True,
    "regions": [{"x_px": 1}],
    "error": None,
}


def test_columns_that_only_some_runs_have_come_last_and_in_one_order(tmp_path):
    path = tmp_path / "scores.csv"
    more = ["heatmap", "is_discovery", "outcome"]
    write_rows([{**_ROW, "outcome": "review"}], path, "csv", more=more)
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row)[-3:] == ["outcome", "is_discovery", "heatmap"]
    assert row["outcome"] == "review"


@pytest.mark.parametrize(
    ("file_format", "delimiter", "score", "threshold"),
    [("csv", ",", "1234.5", "1.5e-07"), ("excel", ";", "1234,5", "1,5e-07")],
)
def test_tables_say_what_they_are_to_excel(tmp_path, file_format, delimiter, score, threshold):
    path = tmp_path / table_name(file_format)
    write_rows([_ROW], path, file_format)
    assert path.name == "scores.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbfimage" + delimiter.encode())
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file, delimiter=delimiter)
    assert (row["image"], row["score"], row["threshold"]) == (_ROW["image"], score, threshold)
    assert (row["n_regions"], row["regions"]) == ("1", '[{"x_px": 1}]')
