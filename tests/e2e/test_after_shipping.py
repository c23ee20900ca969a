"""`score --alarm` and `recalibrate` from the command line, as weeks on a line would go."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import defectory
from defectory.workflows.scoring import folder as scoring
from tests.e2e.conftest import run
from tests.pictures import disc, relit, save
from tests.unit.storage.places import names


def write_day(folder, n, seed, change=lambda image: image):
    rng = np.random.default_rng(seed)
    for i in range(n):
        save(folder / f"{i:03}.png", change(disc(rng, 96)))
    return folder


@pytest.fixture(scope="module")
def monday(tmp_path_factory):
    return write_day(tmp_path_factory.mktemp("line") / "monday", 30, 100)


@pytest.fixture(scope="module")
def relit_day(tmp_path_factory):
    return write_day(tmp_path_factory.mktemp("line") / "relit", 40, 101, relit)


@pytest.fixture
def watch(bundle, tmp_path):
    """Score a day with the alarm of line.json; its command may be changed."""

    def watch(day, *more, bundle=bundle, out="out"):
        return run(
            "score", bundle, day, "-o", tmp_path / out, "--alarm", tmp_path / "line.json", *more
        )

    return watch


def state_of(tmp_path):
    return json.loads((tmp_path / "line.json").read_text())


def test_the_alarm_goes_on_the_next_day_and_rings_when_the_light_changes(
    watch, monday, relit_day, bundle, tmp_path
):
    quiet = watch(monday)
    assert quiet.exit_code == 0, quiet.output
    assert "The alarm is quiet after 30 images." in quiet.stdout
    assert quiet.stderr.count("alarm") == 0
    rings = watch(relit_day, out="tuesday")
    assert rings.exit_code == 0  # scored, as asked for
    (line,) = [line for line in rings.stderr.splitlines() if "alarm" in line]
    assert line.startswith("The alarm rings since image ")
    assert line.endswith(f"run  defectory recalibrate {bundle} IMAGES -o NEW")
    told = state_of(tmp_path)
    assert told["is_ringing"]
    assert f"It rang at {told['rang_on']['image']}, scored on {told['rang_on']['date']}." in line
    assert told["alarm"]["rang_at"] > 30
    again = watch(monday, out="wednesday")
    assert "were seen by the alarm before and do not count again" in again.stdout
    assert "The alarm rings since image" in again.stderr  # until somebody has recalibrated
    assert names(tmp_path) == ["line.json", "out", "tuesday", "wednesday"]


def test_a_run_that_was_stopped_before_the_alarm_saw_it_counts_once(
    watch, monday, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "write_rows", stop)
        assert watch(monday).exit_code == 130
    assert names(tmp_path) == ["out.unfinished"]
    resumed = watch(monday)
    assert "going on after 30 of 30 images" in resumed.stderr
    assert "The alarm is quiet after 30 images." in resumed.stdout


def test_a_run_that_was_stopped_after_the_alarm_saw_it_counts_once(
    watch, monday, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("defectory.storage.resuming.commit", stop)
        assert watch(monday).exit_code == 130
    assert names(tmp_path) == ["line.json", "out.unfinished"]
    before = state_of(tmp_path)
    resumed = watch(monday)
    assert resumed.exit_code == 0, resumed.output
    assert "Note: 30 images were seen by the alarm before and do not count again." in resumed.stdout
    assert state_of(tmp_path)["alarm"] == before["alarm"]
    assert names(tmp_path) == ["line.json", "out"]


def stop(*arguments, **options):
    raise KeyboardInterrupt


def test_images_that_cannot_be_read_are_not_seen(watch, monday, tmp_path):
    day = tmp_path / "day"
    shutil.copytree(monday, day)
    (day / "015.png").write_bytes(b"no image")
    done = watch(day, "--skip-unreadable")
    assert "The alarm is quiet after 29 images." in done.stdout


@pytest.mark.parametrize("what", ["promise", "bundle", "damaged", "foreign", "inside", "same"])
def test_a_file_that_is_no_alarm_of_this_bundle_is_refused_in_one_line_before_work(
    what, watch, monday, parts, tmp_path
):
    more, file, used = (), tmp_path / "line.json", {}
    assert watch(monday).exit_code == 0
    if what == "promise":
        more = ("--false-reject-rate", "0.3")
    elif what == "bundle":
        used = {"bundle": tmp_path / "other.defectory"}
        fit = run("fit", parts, "-o", used["bundle"], "--size", 64, "--detector", "gaussian")
        assert fit.exit_code == 0
    elif what == "damaged":
        file.write_text(file.read_text()[:200])
    elif what == "foreign":
        file.write_text("[1, 2]")
    elif what == "inside":
        more = ("--alarm", tmp_path / "next/alarm.json")
    else:
        more = ("--alarm", tmp_path / "next")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = {
        "promise": "line.json: it watches another bundle, or another false-reject rate",
        "bundle": "line.json: it watches another bundle, or another false-reject rate",
        "damaged": "line.json exists and is not the state of an alarm that defectory wrote",
        "foreign": "line.json exists and is not the state of an alarm that defectory wrote",
        "inside": "one lies inside the other",
        "same": "are the same file",
    }
    refused = watch(monday, *more, out="next", **used)
    assert refused.exit_code == 1
    assert words[what] in refused.output
    assert refused.output.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that takes no files of root")
def test_an_alarm_in_a_folder_that_takes_no_files_is_refused_before_work(bundle, monday, tmp_path):
    alarm = "/proc/line.json"
    refused = run("score", bundle, monday, "-o", tmp_path / "out", "--alarm", alarm)
    assert refused.exit_code == 1
    assert f"cannot write {alarm}" in refused.output
    assert refused.output.count("\n") == 1
    assert names(tmp_path) == []


def test_recalibrate_fits_the_threshold_anew_and_a_new_alarm_begins(
    watch, relit_day, bundle, parts, tmp_path
):
    before = bundle.read_bytes()
    new = tmp_path / "new.defectory"
    done = run("recalibrate", bundle, relit_day, parts / "test/good", "-o", new)
    assert done.exit_code == 0, done.output
    old_model, model = defectory.load(bundle), defectory.load(new)
    assert "Scored 46 good images in " in done.stdout
    (record,) = model.facts["recalibrations"]
    n_before = record["n_rejected_before"]
    assert n_before >= 40 * 0.9
    assert f"rejected {n_before} of them ({n_before / 46:.1%}), the new one 0." in done.stdout
    for word, one in (("before", old_model), ("now", model)):
        told = f"Threshold {word} {one.threshold.value:.4g}: {one.threshold.explain()}"
        assert told in done.stdout
    assert record["threshold_before"] == old_model.threshold.value
    assert record["threshold"] == model.threshold.value > old_model.threshold.value
    assert not any(old_model.threshold.explain() == note for note in model.facts["notes"])
    assert model.threshold.explain() in model.facts["notes"]
    scores = [m.decision_function(parts / "test/good").tolist() for m in (old_model, model)]
    assert scores[0] == scores[1]
    assert bundle.read_bytes() == before
    alarm = run("score", new, relit_day, "-o", tmp_path / "out", "--alarm", tmp_path / "new.json")
    assert "The alarm is quiet after 40 images." in alarm.stdout
    report = run("evaluate", new, parts, "--report", tmp_path / "r.html")
    assert report.exit_code == 0, report.output
    assert "Threshold fitted anew" in (tmp_path / "r.html").read_text()


def test_recalibrate_as_json_adds_and_says_what_is_left_out(bundle, parts, monday, tmp_path):
    done = run(
        "recalibrate", bundle, f"{monday}/*.png", parts / "train/good", "-o",
        tmp_path / "new.defectory", "--add", "--json", "--quiet",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    old = defectory.load(bundle).threshold
    model = defectory.load(tmp_path / "new.defectory")
    assert told["n_images"] == 30
    assert any("16 of 46 images were learned from" in note for note in told["notes"])
    assert (told["threshold_before"], told["promise_before"]) == (old.value, old.explain())
    assert (told["threshold"], told["promise"]) == (
        model.threshold.value,
        model.threshold.explain(),
    )
    assert model.facts["recalibrations"][0]["keeps_old"]


@pytest.mark.parametrize("what", ["exists", "input", "learned", "nothing", "swapped", "memory"])
def test_recalibrate_refuses_in_one_line_and_writes_nothing(what, bundle, parts, monday, tmp_path):
    new, more, images, used = tmp_path / "new.defectory", (), monday, bundle
    if what == "exists":
        new.write_text("mine")
        more = ("--overwrite",)
    elif what == "input":
        new = monday / "000.png"
    elif what == "learned":
        images = parts
    elif what == "nothing":
        images = tmp_path / "gone"
    elif what == "swapped":
        used, images = monday, bundle
    else:
        more = ("--max-memory", "1MB")
    words = {
        "exists": "exists and is not a bundle that defectory wrote",
        "input": "lies inside the input",
        "learned": "no good images to fit a threshold on: ",
        "nothing": "no such file or folder",
        "swapped": "BUNDLE comes first",
        "memory": "GB are allowed",
    }
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    refused = run("recalibrate", used, images, "-o", new, *more)
    assert refused.exit_code == 1
    assert words[what] in refused.output
    assert refused.output.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
