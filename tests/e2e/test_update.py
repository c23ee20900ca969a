"""Distrusted images and labels that come later, by the command line, with a detector that fakes auto."""

import json

import pytest

import defectory
from defectory.detectors import DETECTORS
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.updating.update import update_bundle
from tests.e2e.conftest import run
from tests.pictures import write_mvtec
from tests.unit.workflows.teachable import ACCOUNT


@pytest.fixture(scope="module", autouse=True)
def _teachable():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DETECTORS, "gaussian", "tests.unit.workflows.teachable:Teachable")
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mvtec(
        tmp_path_factory.mktemp("update") / "parts", n_train=12, n_good=3, n_defective=3
    )


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    fit = run("fit", data, "-o", folder / "parts.defectory", "--size", 64, "--detector", "gaussian")
    assert fit.exit_code == 0, fit.output
    return folder / "parts.defectory", fit.output


@pytest.fixture
def labels(data):
    path = data / "labels.csv"
    path.write_text(
        "path,label,mask\n"
        "test/scratch/000.png,anomalous,ground_truth/scratch/000_mask.png\n"
        "train/good/005.png,normal,\n"
    )
    yield path
    path.unlink()


def test_fit_says_what_it_found_and_lists_what_it_distrusts(fitted):
    bundle, output = fitted
    assert all(line in output.splitlines() for line in ACCOUNT)
    path = bundle.with_name("parts.suspects.jsonl")
    assert (
        f"Ranked 2 unlabeled images, the most suspicious first (2 of them distrusted): see {path}"
        in output
    )
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["name"] for row in rows] == ["train/good/005.png", "train/good/002.png"]
    for row in rows:
        assert (bundle.parent / row["path"]).is_file()
    facts = defectory.load(bundle).facts
    assert facts["account"] == list(ACCOUNT)
    assert [entry["name"] for entry in facts["suspects"]] == [row["name"] for row in rows]


def test_suspects_are_counted_in_the_images_that_the_time_budget_left(data, monkeypatch):
    monkeypatch.setattr(
        "defectory.workflows.fitting.limits.Limits.keep_time",
        lambda self, detector, train, *_: (train.filter(lambda s: s.name >= "train/good/004"), ()),
    )
    options = FitOptions(size_px=64, detector="gaussian")
    result = fit_dataset(data, options)
    assert [s.name for s in result.suspects] == ["train/good/009.png", "train/good/006.png"]
    assert result.account == ACCOUNT


def test_a_list_of_suspects_that_exists_is_not_replaced_unasked(data, tmp_path):
    (tmp_path / "b.suspects.jsonl").write_text("mine\n")
    refused = run("fit", data, "-o", tmp_path / "b.defectory", "--size", 64)
    assert refused.exit_code == 1
    assert "b.suspects.jsonl exists and is not a list of suspects" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == ["b.suspects.jsonl"]


def test_a_detector_without_suspects_behaves_as_before(data, tmp_path, monkeypatch):
    monkeypatch.setitem(DETECTORS, "gaussian", "defectory.detectors.gaussian:Gaussian")
    fit = run("fit", data, "-o", tmp_path / "b.defectory", "--size", 64, "--detector", "gaussian")
    assert fit.exit_code == 0, fit.output
    assert "istrusted" not in fit.output
    assert [path.name for path in tmp_path.iterdir()] == ["b.defectory"]
    facts = defectory.load(tmp_path / "b.defectory").facts
    assert not any(facts[key] for key in ("suspects", "n_suspects", "account"))


def test_the_report_shows_the_distrusted_images_and_the_account(fitted, data, tmp_path):
    result = run("evaluate", fitted[0], data, "--report", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "r.html").read_text()
    assert "Images the fit distrusted" in page
    assert 'alt="train/good/005.png: the picture"' in page
    assert ACCOUNT[0] in page


def test_update_writes_a_new_bundle_and_says_what_changes(fitted, data, labels, tmp_path):
    before = fitted[0].read_bytes()
    done = run("update", fitted[0], labels, "-o", tmp_path / "new.defectory")
    assert done.exit_code == 0, done.output
    assert "Took 2 labels (1 normal, 1 anomalous; 1 with a mask) in" in done.output
    assert "Labels: taken." in done.output
    assert " of 3" in done.output.partition("by models without them): ")[2]
    assert (
        "as before: 1.\n  still wrong: 0123456789ab, anomalous, accepted, score -1e+09 -> -1e+09"
        in done.output
    )
    assert fitted[0].read_bytes() == before
    old, new = (defectory.load(path) for path in (fitted[0], tmp_path / "new.defectory"))
    assert f"Threshold {new.threshold.value:.4g} (was {old.threshold.value:.4g})" in done.output
    assert new.threshold.n_normals == 2  # the scores that the fake holds out
    assert new.facts["updates"][0]["n_labels"] == 2
    assert [entry["name"] for entry in new.facts["suspects"]] == ["train/good/002.png"]
    warned = run("evaluate", tmp_path / "new.defectory", data)
    assert "1 of 6 images were learned from in fit" in warned.output


def test_update_as_json_and_in_python_say_the_same(fitted, labels, tmp_path):
    done = run("update", fitted[0], labels, "-o", tmp_path / "a.defectory", "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.output)
    found = update_bundle(fitted[0], labels, tmp_path / "b.defectory").to_dict()
    assert {**printed, "wall_s": 0} == {**found, "wall_s": 0}
    assert printed["n_confirmed"] == 3


def test_update_again_knows_the_names_of_before(fitted, data, labels, tmp_path):
    run("update", fitted[0], labels, "-o", tmp_path / "a.defectory")
    labels.write_text("path,label\ntest/good/000.png,ok\n")
    done = run(
        "update", tmp_path / "a.defectory", labels, "-o", tmp_path / "b.defectory", "--overwrite"
    )
    assert done.exit_code == 0, done.output
    updates = defectory.load(tmp_path / "b.defectory").facts["updates"]
    assert [list(entry["names"].values()) for entry in updates] == [
        ["test/scratch/000.png", "train/good/005.png"],
        ["test/good/000.png"],
    ]


@pytest.mark.parametrize("what", ["output", "detector", "labels", "bundle"])
def test_update_refuses_with_one_line_and_writes_nothing(
    what, fitted, labels, tmp_path, monkeypatch
):
    out, bundle = tmp_path / "new.defectory", fitted[0]
    if what == "output":
        out.write_text("mine")
    elif what == "detector":
        monkeypatch.setitem(DETECTORS, "gaussian", "defectory.detectors.gaussian:Gaussian")
        labels.write_text("path\n")  # said first: no labels would help
    elif what == "labels":
        labels.write_text("path,label\ntrain/good/000.png,\n")
    else:
        bundle = tmp_path / "none"
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    refused = run("update", bundle, labels, "-o", out)
    words = {
        "output": "exists and is not a bundle that defectory wrote",
        "detector": "fit with the detector auto",
        "labels": "none of 1 rows has a label; write normal or anomalous",
        "bundle": "there is no such file",
    }
    assert refused.exit_code == 1
    assert words[what] in refused.output
    assert refused.output.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == kept
