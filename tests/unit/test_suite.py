"""The suite: nobody tests what was learned from, draws are nested, and tables say what they claim."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import __main__ as command
from benchmarks import suite, suite_cases, suite_tables
from benchmarks.label_cases import Material
from benchmarks.result_files import read_runs
from defectory.domain import Label
from defectory.sources import Dataset, Sample
from tests.pictures import disc, scratched

N_GOOD, N_TESTED, N_DEFECTS = 60, 10, 40


def made_material(folder: Path) -> Material:
    rng = np.random.default_rng(0)
    samples = {}
    for kind, n, label in (
        ("good", N_GOOD, Label.NORMAL),
        ("fine", N_TESTED, Label.NORMAL),
        ("bad", N_DEFECTS, Label.ANOMALOUS),
    ):
        made = []
        for i in range(n):
            path, mask = folder / f"{kind}{i}.png", None
            picture = disc(rng, 32)
            if label == Label.ANOMALOUS:
                picture, marked = scratched(picture, rng)
                mask = folder / f"{kind}{i}_mask.png"
                Image.fromarray(np.where(marked, 255, 0).astype(np.uint8)).save(mask)
            Image.fromarray(picture).save(path)
            split = "train" if kind == "good" else "test"
            made.append(Sample(path, label, mask, split, f"place {i % 5}", None, path.name))
        samples[kind] = tuple(made)
    good, bad = (Dataset(folder, "csv", samples[kind]) for kind in ("good", "bad"))
    test = Dataset(folder, "csv", samples["fine"] + samples["bad"])
    return Material(good, bad, test, "made")


@pytest.fixture
def material(tmp_path, monkeypatch):
    found = made_material(tmp_path)
    monkeypatch.setattr(suite_cases, "_SETS", {"ball-screw": lambda: found})
    monkeypatch.setattr(suite, "SETS", ("ball-screw",))
    return found


def drawn(variant, seed=0, folder=Path()):
    return suite_cases.draw("ball-screw", variant, seed, folder, None)


def names(data):
    return {sample.name for sample in data.samples}


@pytest.mark.parametrize("variant", suite_cases.VARIANTS)
def test_no_image_is_learned_from_and_tested(material, variant):
    case = drawn(variant)
    assert not names(case.train) & names(case.test)
    assert len(case.truth) == len(case.train)
    assert {Label.NORMAL, Label.ANOMALOUS} <= set(case.test.labels)


def test_contaminated_folders_are_unlabeled_nested_and_spare_the_test(material):
    some, more = drawn("contaminated-10"), drawn("contaminated-20")
    assert set(some.train.labels) == set(more.train.labels) == {Label.UNLABELED}
    assert all(sample.mask_path is None for sample in more.train.samples)
    assert some.truth.sum() == 7  # of 67
    assert more.truth.sum() == 15  # of 75
    assert names(some.train) < names(more.train)


def test_the_test_keeps_twenty_defects(material, monkeypatch):
    monkeypatch.setattr(suite_cases, "_LEAST_TESTED", 35)
    case = drawn("contaminated-20")
    assert case.truth.sum() == 5
    assert (case.test.labels == Label.ANOMALOUS).sum() == 35


def test_a_budget_is_of_defects_with_masks(material):
    case = drawn("budget-10")
    labeled = [s for s in case.train.samples if s.label == Label.ANOMALOUS]
    assert len(labeled) == 10
    assert all(sample.mask_path is not None for sample in labeled)


def test_few_are_twenty_good_ones_and_other_seeds_draw_others(material):
    assert len(drawn("few-20").train) == 20
    assert names(drawn("few-20").train) == names(drawn("few-20").train)
    assert names(drawn("few-20").train) != names(drawn("few-20", seed=1).train)


def test_unseen_places_are_not_in_the_fit(material):
    case = drawn("unseen")
    learned = {sample.group for sample in case.train.samples}
    assert not learned & {sample.group for sample in case.test.samples}


def test_runs_are_added_once_and_shown(material, tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "ROWS", {"small": ("gaussian", {"size_px": 64})})
    monkeypatch.setattr(suite_tables, "ROWS", suite.ROWS)
    out = tmp_path / "suite.jsonl"
    told = suite.Told(
        rows=("small",), sets=("ball-screw",), variants=("clean", "few-20"), n_seeds=2,
        cache=tmp_path, n_images=None, command="a command", out=out,
    )  # fmt: skip
    suite.run(told)
    runs = read_runs(out)
    assert [(run["variant"], run["seed"]) for run in runs] == [
        ("clean", 0), ("few-20", 0), ("few-20", 1),
    ]  # fmt: skip
    assert all(0 <= run["figures"]["observed_recall"] <= 1 for run in runs)
    assert all(run["figures"]["aupro"] > 0 for run in runs)
    before = out.read_bytes()
    suite.run(told)
    assert out.read_bytes() == before
    page = suite_tables.suite(runs)
    assert page.index("Recall at the shipped threshold") < page.index("Image AUROC")


def test_unknown_names_are_told_before_anything_runs(tmp_path, capsys):
    arguments = [
        "suite",
        "--rows",
        "auto,best",
        "--allow-dirty",
        "--out",
        str(tmp_path / "x.jsonl"),
    ]
    assert command.main(arguments) == 2
    assert "no row is named 'best'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_regret_is_the_largest_loss_on_any_set():
    cells = {"one": {"tiles": 0.9, "lens": 0.8}, "other": {"tiles": 0.95, "lens": 0.7}}
    assert suite_tables.regret(cells, "one", "image_auroc") == pytest.approx(0.05)
    assert suite_tables.regret(cells, "other", "image_auroc") == pytest.approx(0.1)
    rates = {"one": {"tiles": 0.02}, "other": {"tiles": 0.01}}
    assert suite_tables.regret(rates, "one", "observed_false_reject_rate") == pytest.approx(0.01)
