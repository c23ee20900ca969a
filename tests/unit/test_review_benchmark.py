"""The simulated inspector: all strategies get the same answers, runs are added once, tables say it right."""

from functools import partial

import numpy as np
import pytest

from benchmarks import review, review_tables, updates
from benchmarks.result_files import ToldError, read_runs
from defectory.detectors.auto import Auto
from defectory.labeling import STRATEGIES
from tests.unit.test_suite import material  # noqa: F401  a fixture


@pytest.fixture
def few_batches(material, monkeypatch):  # noqa: F811
    monkeypatch.setattr(review, "SETS", ("ball-screw",))
    monkeypatch.setattr(updates, "Auto", partial(Auto, size_px=64))
    monkeypatch.setattr(review, "N_ASKED", 4)
    monkeypatch.setattr(review, "N_BATCHES", 2)
    monkeypatch.setattr(review_tables, "SHOWN", (0, 4, 8))
    monkeypatch.setattr(review_tables, "_COMPARED", 4)
    review._begin.cache_clear()
    yield
    review._begin.cache_clear()


def told(tmp_path, **more):
    common = {"cache": tmp_path, "n_images": None, "command": "a command", "n_seeds": 1}
    asked = {
        "rows": ("random", "likely-defect"), "sets": ("ball-screw",), "inspectors": ("right",),
        "variants": ("contaminated-20",),
    }  # fmt: skip
    return review.Told(**common, **{**asked, **more}, out=tmp_path / "out.jsonl")


@pytest.mark.thorough
def test_labels_are_given_in_batches_and_runs_are_added_once(few_batches, tmp_path):
    asked = told(tmp_path)
    review.run(asked)
    runs = {run["row"]: run for run in read_runs(asked.out)}
    assert set(runs) == {"random", "likely-defect"}
    for run in runs.values():
        assert [step["n_labels"] for step in run["steps"]] == [0, 4, 8]
        assert all(0 <= step["image_ap"] <= 1 for step in run["steps"])
    for run in runs.values():
        assert set(run["steps"][0]["taught"]) < set(run["steps"][1]["taught"])
    first = [run["steps"][0] for run in runs.values()]
    assert first[0] == first[1]
    before = asked.out.read_bytes()
    review.run(asked)
    assert asked.out.read_bytes() == before
    page = review_tables.review(list(runs.values()))
    assert "### `contaminated-20`, inspector right" in page
    assert page.count("\n| likely-defect | 1 |") == page.count("\n| random | 1 |") == 1


@pytest.mark.thorough
def test_the_reference_gets_all_its_answers_at_once(few_batches, tmp_path, monkeypatch):
    monkeypatch.setattr(review, "N_REFERENCE", 6)
    asked = told(tmp_path, rows=(review.REFERENCE_ROW,))
    review.run(asked)
    (run,) = read_runs(asked.out)
    assert [step["n_labels"] for step in run["steps"]] == [0, 6]


def test_an_inspector_is_wrong_in_one_of_twenty_whoever_asks(few_batches, tmp_path):
    case = review.draw("ball-screw", "contaminated-20", 0, tmp_path, None)
    many = review.Review(
        review.Case(case.train, np.arange(4000) % 5 == 0, case.test), 0, tmp_path, None, (), None
    )
    right, wrong = (many._answers(share) for share in (0.0, 0.05))
    assert (right == many.case.truth).all()
    assert 0.04 < (wrong != right).mean() < 0.06
    assert (many._answers(0.05) == wrong).all()


def test_every_strategy_has_a_row_and_names_are_checked_first(few_batches, tmp_path):
    assert set(review.ROWS) == {"mix", *STRATEGIES, review.REFERENCE_ROW}
    for name, value in (("rows", "clever"), ("inspectors", "lazy"), ("sets", "moon")):
        with pytest.raises(ToldError, match=value):
            review.run(told(tmp_path, **{name: (value,)}))


def test_gains_are_over_random_on_the_same_draw():
    def run(row, name, values):
        steps = [
            {
                "n_labels": n, "n_found": n // 10, "image_ap": v, "image_auroc": v,
                "recall": v, "false_rejects": 0.01, "taught": {"image_ap": v},
            }
            for n, v in zip((0, 20, 100), values, strict=True)
        ]  # fmt: skip
        known = {"row": row, "data_set": name, "variant": "contaminated-10", "inspector": "right"}
        return {**known, "seed": 0, "n_hidden": 20, "steps": steps}

    page = review_tables.review(
        [
            run("random", "solar", (0.5, 0.6, 0.7)), run("random", "lens", (0.5, 0.9, 0.9)),
            run("mix", "solar", (0.5, 0.7, 0.8)), run("mix", "lens", (0.5, 0.84, 0.9)),
            run("random at once", "solar", (0.5, 0.6, 0.7)),
            run("random at once", "lens", (0.5, 0.9, 1.0)),
        ]
    )  # fmt: skip
    (row,) = (line for line in page.splitlines() if line.startswith("| mix |"))
    assert row.endswith("| .850 | .850 / .010 | 0.50 | +0.020 | lens | 60 |")
    assert "| .770 |" in row
    assert "random at once" not in page.partition("| mix |")[2]
