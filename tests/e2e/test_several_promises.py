"""A promise on defects, and discoveries in a batch, from the command line."""

import csv
import json
import shutil
from dataclasses import replace

import pyarrow.parquet
import pytest
from scipy.stats import false_discovery_control

from defectory.artifacts import save_bundle
from defectory.domain import DefectScores
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.scoring import folder as scoring
from tests.e2e.conftest import run


def rows_of(folder):
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def gray_bundle(parts, tmp_path_factory):
    """A bundle with a promise on defects, fitted without labels: an estimate on simulated ones."""
    path = tmp_path_factory.mktemp("gray") / "gray.defectory"
    options = ("--size", 64, "--detector", "gaussian", "--miss-rate", "5%")
    result = run("fit", parts, "-o", path, *options)
    assert result.exit_code == 0, result.output
    assert "Estimated, not promised: about 4.88% of defects accepted" in result.output
    assert result.output.count("judging by 40 simulated ones") == 1
    return path


def test_some_images_are_left_for_a_person(gray_bundle, parts, tmp_path):
    """Where hardly a defect may be accepted, what scores as the lowest known one is to be looked at."""
    options = ("--miss-rate", 0.0001, "--false-reject-rate", 0.01, "--heatmaps")
    scored = run(
        "score", gray_bundle, parts / "train", parts / "test", "-o", tmp_path / "out", *options
    )
    assert scored.exit_code == 0, scored.output
    rows = rows_of(tmp_path / "out")
    accept = rows[0]["accept_threshold"]
    for row in rows:
        passed = "review" if row["score"] >= accept else "accepted"
        expected = "rejected" if row["is_anomalous"] else passed
        assert row["outcome"] == expected
        assert bool(row["regions"]) == (expected != "accepted")
    n = {o: sum(row["outcome"] == o for row in rows) for o in ("rejected", "review", "accepted")}
    assert (
        f"{n['rejected']} rejected (score above {rows[0]['threshold']:.4g}), {n['review']} to look at, "
        f"{n['accepted']} accepted."
    ) in scored.output
    assert f"Accepted below {accept:.4g}: Estimated, not promised" in scored.output


def test_a_person_looks_at_all_that_is_not_rejected_where_no_defect_is_known(
    gray_bundle, parts, tmp_path
):
    model = load_calibrated(gray_bundle)
    unknown = replace(model.bundle, defects=DefectScores.none())
    save_bundle(unknown, tmp_path / "b")
    scored = run("score", tmp_path / "b", parts / "test", "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    n_review = sum(row["score"] <= row["threshold"] for row in rows)
    assert 0 < n_review <= 6
    outcomes = ["rejected"] * (12 - n_review) + ["review"] * n_review
    assert [row["outcome"] for row in rows] == outcomes
    assert {row["accept_threshold"] for row in rows} == {None}
    assert f"{n_review} to look at, 0 accepted." in scored.output
    assert scored.output.count("  to look at: good/") == n_review
    assert "Accepted below -inf: Nothing is accepted: there are no known defects" in scored.output
    files = ("--json", tmp_path / "f.json", "--report", tmp_path / "r.html")
    judged = run("evaluate", tmp_path / "b", parts, *files)
    assert judged.exit_code == 0, judged.output
    assert f"normal to review    {n_review} of 6\nnormal accepted     0 of 6\n" in judged.output
    figures = json.loads((tmp_path / "f.json").read_text())
    outcomes = ("rejected", "review", "accepted")
    assert [figures[f"n_normal_{o}"] for o in outcomes] == [6 - n_review, n_review, 0]
    assert [figures[f"n_anomalous_{o}"] for o in outcomes] == [6, 0, 0]
    page = (tmp_path / "r.html").read_text()
    assert f"Leaves {n_review / 12:.0%} to look at.".replace("%", " %") in page
    assert page.count("◆ to look at") == n_review


def test_an_interrupted_run_goes_on_with_another_rate_of_discoveries_but_not_of_misses(
    gray_bundle, parts, tmp_path, monkeypatch
):
    def score(*options):
        return run("score", gray_bundle, parts / "test", "-o", tmp_path / "out", *options)

    for option, goes_on in ((("--fdr", 0.2), True), (("--miss-rate", 0.2), False)):
        with monkeypatch.context() as patch:
            patch.setattr(scoring, "write_rows", stop)
            assert score("--overwrite").exit_code == 130
        resumed = score(*option, "--overwrite")
        assert resumed.exit_code == 0, resumed.output
        assert ("going on after 12 of 12 images" in resumed.stderr) == goes_on


def stop(*arguments, **options):
    raise KeyboardInterrupt


def test_recalibrate_keeps_the_promise_on_defects(gray_bundle, parts, tmp_path):
    done = run("recalibrate", gray_bundle, parts / "test/good", "-o", tmp_path / "b")
    assert done.exit_code == 0, done.output
    before, after = (load_calibrated(path) for path in (gray_bundle, tmp_path / "b"))
    assert f"Accepted below {after.gray_zone.accept.value:.4g}: Estimated" in done.output
    assert after.gray_zone.accept == before.gray_zone.accept
    assert after.threshold != before.threshold


def test_evaluate_says_nothing_of_review_where_no_miss_rate_is_promised(bundle, parts, tmp_path):
    judged = run("evaluate", bundle, parts, "--json", tmp_path / "f.json")
    assert "review" not in judged.output
    assert "n_normal_review" not in json.loads((tmp_path / "f.json").read_text())
    again = run("evaluate", bundle, parts, "--miss-rate", "10%")
    assert "anomalous to review" in again.output


def test_discoveries_of_a_batch_are_marked_in_every_format(gray_bundle, parts, tmp_path):
    for name in ("jsonl", "csv", "parquet"):
        options = ("--format", name, "--fdr", "15%")
        scored = run("score", gray_bundle, parts / "test", "-o", tmp_path / name, *options)
        assert "at a false discovery rate of at most 15.0%. With 16 held-out good" in scored.output
    rows = rows_of(tmp_path / "jsonl")
    adjusted = false_discovery_control([row["p_value"] for row in rows])
    found = [bool(value <= 0.15) for value in adjusted]
    assert 6 <= sum(found) < 12
    lowest = rows[sum(found) - 1]["score"]
    assert (
        f"{sum(found)} of 12 images are discoveries (score from {lowest:.4g} on)" in scored.output
    )
    with (tmp_path / "csv/scores.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    arrow = pyarrow.parquet.read_table(tmp_path / "parquet/scores.parquet").to_pylist()
    assert [row["is_discovery"] for row in rows] == found
    assert [row["is_discovery"] for row in arrow] == found
    assert [row["is_discovery"] for row in table] == [str(mark) for mark in found]
    for key in ("p_value", "p_value_basis", "outcome"):
        assert [row[key] for row in rows] == [row[key] for row in arrow]
    assert [row["p_value"] for row in rows[:6]] == [1 / 17] * 6
    assert rows[0]["p_value_basis"] == "confirmed"
    few = run("score", gray_bundle, parts / "test", "-o", tmp_path / "few", "--fdr", 0.05)
    assert "0 of 12 images are discoveries, at" in few.output
    assert "With 16 held-out good images none is possible in such a batch; with 239 " in few.output


def test_an_image_that_cannot_be_read_has_no_p_value_and_is_no_discovery(
    gray_bundle, parts, tmp_path
):
    shutil.copytree(parts / "test", tmp_path / "new")
    (tmp_path / "new/broken.png").write_bytes(b"no picture")
    options = ("--skip-unreadable", "--fdr", "30%")
    run("score", gray_bundle, tmp_path / "new", "-o", tmp_path / "out", *options)
    *_, last = rows_of(tmp_path / "out")
    keys = ("p_value", "p_value_basis", "outcome", "accept_threshold", "is_discovery", "score")
    assert last["image"] == "broken.png"
    assert [last[key] for key in keys] == [None] * 6


@pytest.mark.parametrize(
    ("command", "option"),
    [("score", "--miss-rate"), ("score", "--fdr"), ("evaluate", "--miss-rate")],
)
def test_shares_are_between_0_and_1(command, option, bundle, parts, tmp_path):
    output = ["-o", tmp_path / "out"] if command == "score" else []
    refused = run(command, bundle, parts, *output, option, 5)
    assert refused.exit_code == 2
    assert "for 5 percent write 0.05 or 5%" in refused.output
