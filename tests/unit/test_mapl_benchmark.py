"""The benchmark of MAPL: runs are added and not repeated, table and drawing show every row and seed."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from benchmarks import __main__ as command_line
from benchmarks import mapl, mapl_plots
from benchmarks.datasets import of_label
from benchmarks.mapl import REFERENCE, ROWS, Told, measure
from benchmarks.mapl_tables import mapl as table
from benchmarks.result_files import read_runs
from defectory.detectors import find_detector
from defectory.domain import Label
from defectory.sources import read_dataset
from tests.pictures import write_mvtec

_FIGURES = ("image_auroc", "image_ap", "pixel_auroc", "aupro", "recall_at_1pct")


def _run(row, variant, seed, value):
    figures = dict.fromkeys(_FIGURES, value)
    named = {"protocol": "mapl", "row": row, "variant": variant, "seed": seed}
    return {**named, "figures": figures}


RUNS = [
    *(_run("MAPL", "clean", seed, 0.96 + seed / 100) for seed in range(3)),
    _run("MAPL", "noisy", 0, 0.9),
    *(_run(REFERENCE, "clean", seed, 0.7 + seed / 10) for seed in range(2)),
    _run("K = 5", "clean", 0, 0.6),
    {**_run("MemSeg", "p2-clean", 0, 0.8), "figures": {"image_auroc": 0.8}},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = write_mvtec(tmp_path_factory.mktemp("mapl"))
    return read_dataset(root, layout="mvtec")


def test_every_row_is_a_detector_with_settings_it_knows():
    for row, (name, settings) in ROWS.items():
        find_detector(name)(seed=0, **settings)
        assert "," not in row  # --rows are separated by commas


def test_noise_changes_what_is_fitted_and_tested(monkeypatch, data, tmp_path):
    monkeypatch.setitem(ROWS, "small", ("gaussian", {"size_px": 64}))
    train, test = of_label(data.subset("train"), Label.NORMAL), data.subset("test")

    found = {v: measure("small", v, 0, train, test, tmp_path)[0] for v in ("clean", "noisy")}

    assert {*_FIGURES, "fit_s", "images_a_second"} <= set(found["clean"])
    assert all(0 <= found[variant][key] <= 1 for variant in found for key in _FIGURES)
    assert found["clean"]["pixel_auroc"] != found["noisy"]["pixel_auroc"]


def test_runs_are_added_and_not_repeated(monkeypatch, tmp_path, data):
    measured = []

    def count(row, variant, seed, *_):
        measured.append((row, variant, seed))
        return {"image_auroc": 0.5}, "weights"

    monkeypatch.setattr(mapl, "magnetic_tile", lambda: data)
    monkeypatch.setattr(mapl, "measure", count)
    told = Told(
        rows=("MAPL",), variants=("clean",), n_seeds=1, cache=tmp_path, n_images=None,
        command="command", out=tmp_path / "mapl.jsonl",
    )  # fmt: skip
    mapl.run(told)
    mapl.run(replace(told, rows=("MAPL", "MemSeg"), variants=("clean", "noisy"), n_seeds=2))

    wanted = {(r, v, s) for r in ("MAPL", "MemSeg") for v in ("clean", "noisy") for s in (0, 1)}
    assert len(measured) == len(wanted)
    assert set(measured) == wanted
    written = read_runs(told.out)
    assert {(run["row"], run["variant"], run["seed"]) for run in written} == wanted


def test_what_is_not_there_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DEFECTORY_COMMIT", "abc")
    out = ["--out", str(tmp_path / "none.json")]

    assert command_line.main(["mapl", "--rows", "MAPLE", *out]) == 2
    assert "there is no 'MAPLE'; there are gaussian, MemSeg" in capsys.readouterr().err
    assert command_line.main(["mapl", "--variants", "p1-dirty", *out]) == 2
    assert "there is no 'p1-dirty'; there are clean, noisy" in capsys.readouterr().err


def test_the_table_has_mean_spread_and_number_of_seeds():
    shown = table(RUNS)

    assert "| MAPL (3) | .970 ± .010 |" in shown
    assert "| K = 5 (1) | .600 |" in shown
    assert "| P2 `clean` | image AUROC |\n| --- | --- |\n| MemSeg (1) | .800 |" in shown
    assert "Not measured yet" in table([])


def test_the_drawing_has_a_dot_a_seed_and_a_bar_a_row_and_says_no_more_than_was_measured():
    drawn = mapl_plots.figures(RUNS)["mapl.svg"]

    root = ET.fromstring(drawn)
    marks = {kind: len(root.findall(f"{{*}}{kind}")) for kind in ("circle", "rect")}
    # P2 has no figures of pixels; 4 rows of P1 and the band
    assert marks == {"circle": 3 * len(RUNS) - 2, "rect": 3 * (4 + 1) + 1}
    words = [element.text for element in root.findall("{*}text")]
    assert {"MAPL (3)", "MAPL (1)", f"{REFERENCE} (2)", "K = 5 (1)"} <= set(words)
    assert not any("as in the paper" in word for word in words)
    assert mapl_plots.figures([run | {"n_images": 9} for run in RUNS]) == {}


def test_what_has_no_masks_at_all_is_drawn_without_panels_of_pixels():
    drawn = mapl_plots.figures(RUNS[-1:])["mapl.svg"]
    assert "image AUROC" in drawn
    assert "AUPRO" not in drawn


def test_higher_values_stand_further_right():
    drawn = ET.fromstring(mapl_plots.figures(RUNS)["mapl.svg"])

    first_row = [float(dot.get("cx")) for dot in drawn.findall("{*}circle")][:3]
    assert first_row == sorted(first_row)
    assert len(set(first_row)) == 3
