"""Results are lines that say what made them, and the plan of `python -m benchmarks all` makes them all."""

from pathlib import Path

import pytest

from benchmarks import __main__ as command_line
from benchmarks import label_cases, labels, mapl, plan
from benchmarks.provenance import commit, is_dirty, provenance
from benchmarks.result_files import (
    SCHEMA,
    MissingDataError,
    add_run,
    checked,
    read_folder,
    read_runs,
    write_runs,
)

RESULTS = Path(__file__).parents[2] / "benchmarks/results"
RUNS = [(path.stem, run) for path in sorted(RESULTS.glob("*.jsonl")) for run in read_runs(path)]
OPTIONS = [command_line.parser().parse_args(step.arguments) for step in plan.PLAN]
CLEAN, DIRTY = "1234567", "1234567-dirty"


def run(**changes):
    made = provenance(data="d" * 64, weights="w", command="python -m benchmarks p1")
    return {"protocol": "p1-clean", "seed": 0, **made, **changes}


def named(found, file_name):
    """Return what sets a run of `labels` or `mapl` apart."""
    return file_name, found["row"], found["variant"]


def test_every_line_of_every_result_keeps_to_the_schema():
    assert len(RUNS) > 900
    for stem, found in RUNS:
        checked(found)
        assert len(found["data_fingerprint"]) == 16, stem
        assert found["command"].startswith(f"python -m benchmarks {stem.split('-')[0]}"), stem
        assert "n_images" not in found, "a smoke run is no result"
        assert not found["commit"].endswith("-dirty"), "is_dirty says so"


def test_no_line_names_a_place_of_a_machine():
    for path in RESULTS.glob("*.jsonl"):
        text = path.read_text()
        assert not any(place in text for place in ("/home/", "/tmp/", "/work", "/root", "://")), (
            path
        )


@pytest.mark.parametrize("name", SCHEMA)
@pytest.mark.parametrize("value", [None, "", 0.5])
def test_a_line_that_says_less_is_not_written(tmp_path, name, value):
    path = tmp_path / "runs.jsonl"
    write_runs(path, [run()])
    with pytest.raises(ValueError, match=name):
        write_runs(path, [run(), run(**{name: value})])
    assert read_runs(path) == [run()]


def test_a_run_replaces_its_like_and_never_a_smoke_run(tmp_path):
    path = tmp_path / "some/runs.jsonl"
    for seed, more in ((0, {}), (1, {}), (0, {"n_images": 5}), (0, {"figures": {"auroc": 1 / 3}})):
        add_run(path, run(seed=seed, **more), lambda found: found["seed"])
    assert [(r["seed"], r.get("n_images")) for r in read_runs(path)] == [
        (1, None), (0, 5), (0, None),
    ]  # fmt: skip
    assert read_runs(path)[-1]["figures"] == {"auroc": 0.333333}
    assert len(path.read_text().splitlines()) == 3
    assert read_folder(path.parent) == read_runs(path)


def test_every_file_of_results_has_a_command_in_the_plan():
    assert {stem for stem, _ in RUNS} <= {command_line.target(o).stem for o in OPTIONS}


def test_every_run_of_labels_and_mapl_has_a_command_in_the_plan():
    planned = set()
    for options in OPTIONS:
        if options.command == "labels":
            rows = labels.ROWS if options.rows == "all" else options.rows.split(",")
            families = (
                label_cases.FAMILIES if options.protocols == "all" else options.protocols.split(",")
            )
            variants = [variant.name for variant in label_cases.named(families)]
        elif options.command == "mapl":
            groups = {"all": mapl.ROWS, "main": mapl.MAIN}
            rows = groups.get(options.rows) or options.rows.split(",")
            variants = options.variants.split(",")
        else:
            continue
        planned |= {(options.command, row, variant) for row in rows for variant in variants}
    found = {named(r, stem) for stem, r in RUNS if stem in ("labels", "mapl")}
    assert found <= planned


def test_all_says_each_thing_that_is_missing_in_a_line_and_runs_nothing(
    monkeypatch, capsys, tmp_path
):
    monkeypatch.setenv("DEFECTORY_COMMIT", CLEAN)
    monkeypatch.setenv("DEFECTORY_SHARED_DATA", str(tmp_path))
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    monkeypatch.setattr(plan, "_run", lambda arguments: pytest.fail(f"ran {arguments}"))

    assert command_line.main(["all"]) == 1
    lines = capsys.readouterr().err.splitlines()
    missing = set(plan.CHECKS) - {"solar-cells"}  # a package, which is here
    assert len(lines) == len(missing)
    assert all(line.startswith("all: ") for line in lines)
    for what in missing:
        packages = {"pyod": "[bench]", "anomalib": "[peers]", "playwright": "[test]"} | {
            name: f"[{name}]" for name in ("openvino", "ray")
        }
        named = packages.get(what, f"all: {what} ")
        assert sum(named in line for line in lines) == 1, what


def test_all_runs_the_whole_plan_then_the_page_and_says_what_failed(monkeypatch, capsys):
    ran = []

    def note(arguments):
        ran.append(arguments)
        return "siblings: exit status 3" if arguments == ["siblings"] else ""

    monkeypatch.setenv("DEFECTORY_COMMIT", CLEAN)
    monkeypatch.setattr(plan, "CHECKS", dict.fromkeys(plan.CHECKS, lambda: None))
    monkeypatch.setattr(plan, "_run", note)

    assert command_line.main(["all", "--check"]) == 0
    assert ran == []
    assert command_line.main(["all"]) == 1
    assert ran == [*(step.arguments for step in plan.PLAN), ["tables"]]
    assert capsys.readouterr().err.splitlines() == ["all: siblings: exit status 3"]


def test_a_command_that_failed_is_told_by_its_status(capfd):
    assert plan._run(["p5"]) == "p5: exit status 2"
    assert plan._run(["tables", "--help"]) == ""
    assert "invalid choice: 'p5'" in capfd.readouterr().err


def test_a_single_command_fails_where_its_data_are_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("DEFECTORY_COMMIT", CLEAN)
    monkeypatch.setenv("DEFECTORY_SHARED_DATA", str(tmp_path))
    assert command_line.main(["pixel-maps"]) == 1
    assert capsys.readouterr().err.startswith("pixel-maps: magnetic-tile is not in")


@pytest.mark.parametrize("told", [["pixel-maps"], ["p3"], ["mapl"], ["labels"], ["p4"], ["all"]])
def test_results_of_uncommitted_code_are_refused(monkeypatch, capsys, tmp_path, told):
    monkeypatch.setenv("DEFECTORY_COMMIT", DIRTY)
    monkeypatch.setenv("DEFECTORY_SHARED_DATA", str(tmp_path))
    assert command_line.main(told) > 0
    assert "the code differs from commit 1234567: commit it first" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--allow-dirty"], ["--n-images", "5"]])
def test_uncommitted_code_may_be_tried_and_is_marked(monkeypatch, capsys, tmp_path, more):
    monkeypatch.setenv("DEFECTORY_COMMIT", DIRTY)
    monkeypatch.setenv("DEFECTORY_SHARED_DATA", str(tmp_path))
    assert command_line.main(["pixel-maps", *more]) == 1  # the data are missing, no more
    assert "commit" not in capsys.readouterr().err
    assert (run()["commit"], run()["is_dirty"]) == ("1234567", True)


def test_a_checkout_is_dirty_where_code_differs_and_not_where_results_do(monkeypatch):
    asked = []

    def git(*arguments):
        asked.append(arguments)
        return "" if arguments[0] == "status" else "abc1234"

    monkeypatch.delenv("DEFECTORY_COMMIT", raising=False)
    monkeypatch.setattr("benchmarks.provenance._git", git)
    assert (commit(), is_dirty()) == ("abc1234", False)
    assert {":(exclude)benchmarks/results", ":(exclude)docs"} <= set(asked[1])
    monkeypatch.setattr("benchmarks.provenance._git", lambda *_: "")
    assert (commit(), is_dirty()) == ("unknown", True)


def test_the_plan_needs_what_its_commands_read(monkeypatch):
    def missing():
        raise MissingDataError("not here")

    monkeypatch.setattr(plan, "CHECKS", dict.fromkeys(plan.CHECKS, missing))
    assert len(plan.objections()) == len(plan.CHECKS)
    for step, options in zip(plan.PLAN, OPTIONS, strict=True):
        assert ("pyod" in step.needs) == bool(getattr(options, "rivals", False))
        if options.command == "p3":
            assert options.data in step.needs
