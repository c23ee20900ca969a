"""P5 and its neighbors: tests count groups, runs are added once, tables say what they claim."""

from functools import partial

import numpy as np
import pytest

from benchmarks import found_groups, promise, promise_tables, suite_cases, update_tables, updates
from benchmarks.result_files import read_runs
from defectory.detectors import find_detector
from defectory.detectors.auto import Auto
from tests.unit.test_suite import material  # noqa: F401  a fixture


def told(module, tmp_path, **more):
    common = {"cache": tmp_path, "n_images": None, "command": "a command", "sets": ("ball-screw",)}
    return module.Told(**common, out=tmp_path / "out.jsonl", **more)


@pytest.fixture
def only_ball_screws(material, monkeypatch):  # noqa: F811
    for module in (promise, updates, found_groups):
        monkeypatch.setattr(module, "SETS", ("ball-screw",))
    return material


def test_images_of_a_group_contradict_together():
    rejected = np.arange(200) < 20
    alone, grouped = np.arange(200), np.arange(200) // 20
    assert promise.tail_of_groups(rejected, alone, 0.01) < 1e-10
    one_of_ten = 2 * promise.binomial_tail(10, 0.01, 1)
    assert promise.tail_of_groups(rejected, grouped, 0.01) == pytest.approx(one_of_ten)
    assert promise.tail_of_groups(rejected & False, grouped, 0.01) == 1.0


def test_bounds_on_groups_are_valid():
    """Shares of groups that are 0 or 1, or between: so small a value comes up no more often than it says."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    for shape in (0.05, 2.0):
        found = []
        for _ in range(400):
            rates = rng.beta(0.05 * shape, 0.95 * shape, 60)
            rejected = rng.random(300) < np.repeat(rates, 5)
            found.append(promise.tail_of_groups(rejected, groups, 0.05))
        assert np.mean(np.array(found) < 0.05) <= 0.07


def test_groups_keep_the_promise_and_pictures_do_not(monkeypatch):
    monkeypatch.setattr(promise, "_N_SIMULATED", 60)
    alone, many = promise._simulate(1), promise._simulate(20)
    assert alone["promises"]["0.05"]["given"] == alone["promises"]["0.05"]["none"] <= 0.1
    assert many["promises"]["0.05"]["given"] <= 0.05
    assert many["promises"]["0.05"]["none"] > 0.1


def test_splits_part_no_group_and_are_added_once(only_ball_screws, tmp_path, monkeypatch):
    asked = told(promise, tmp_path, rows=("gaussian", "simulated"), ways=promise.WAYS, n_splits=1)
    fitted, others, groups = promise._split("ball-screw", 0, asked)
    assert len(fitted) + len(others) == 70
    assert not {sample.group for sample in fitted.samples} & set(map(str, groups))
    small = partial(find_detector("gaussian"), size_px=64)
    monkeypatch.setattr(promise, "find_detector", {"gaussian": small}.__getitem__)
    monkeypatch.setattr(promise, "PICTURES", (2,))
    monkeypatch.setattr(promise, "_N_SIMULATED", 5)
    promise.run(asked)
    runs = read_runs(asked.out)
    assert {(run["row"], run["way"]) for run in runs} == {
        ("gaussian", "given"), ("gaussian", "found"), ("gaussian", "none"), ("simulated", "given")
    }  # fmt: skip
    assert {r["way"]: r["n_fit_groups"] for r in runs if r["row"] == "gaussian"} == {
        "given": 3, "found": 42, "none": 42,
    }  # fmt: skip
    before = asked.out.read_bytes()
    promise.run(asked)
    assert asked.out.read_bytes() == before
    page = promise_tables.promise(runs)
    assert page.count("| `gaussian` | ball-screw | found |") == 2
    assert "| pictures a part |" in page


@pytest.mark.thorough
def test_labels_are_taught_step_by_step(only_ball_screws, tmp_path, monkeypatch):
    monkeypatch.setattr(updates, "Auto", partial(Auto, size_px=64))
    monkeypatch.setattr(updates, "BUDGETS", (4, 8))
    monkeypatch.setattr(update_tables, "BUDGETS", (4, 8))
    asked = told(updates, tmp_path, variants=("contaminated-20",), n_seeds=1)
    updates.run(asked)
    (found,) = read_runs(asked.out)
    assert set(found["steps"]) == {"0", "4", "8", "refit", "clean"}
    assert all(0 <= step["recall"] <= 1 for step in found["steps"].values())
    assert found["steps"]["0"]["basis"] == "estimated"
    assert found["n_found"]["4"] <= found["n_found"]["8"] <= found["n_hidden"] == 15
    page = update_tables.updates([found])
    assert "### `contaminated-20`" in page
    assert page.count("\n| ball-screw | 1 |") == 1


def test_what_is_found_of_groups_is_compared_with_the_truth(only_ball_screws, monkeypatch):
    good, groups = suite_cases.good_groups("ball-screw", None, None)
    row = found_groups._compare(good.images(), groups, [s.name for s in good.samples])
    assert (row["n"], row["n_true_groups"]) == (70, 5)
    assert row["precision"] is None or 0 <= row["precision"] <= 1
    simulated = [row for row, _ in found_groups._simulated(None, None)]
    assert [(row["data_set"], row["n_pairs"]) for row in simulated] == [("ball-screw", 23)]
