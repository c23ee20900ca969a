"""Pictures that belong together, from the command line: what resamples, promises and learns by groups."""

import json

import numpy as np
import pytest

import defectory
from tests.e2e.conftest import run
from tests.pictures import disc, lit_again, save

SAID = "Intervals resample 6 groups of images that belong together."


def test_evaluate_says_that_intervals_are_of_groups_in_text_figures_and_report(
    bundle, parts, tmp_path
):
    """Of six good and six defective images the names end in 0 to 5: pairs of one part."""
    files = ["--json", tmp_path / "f.json", "--report", tmp_path / "r.html"]
    plain = run("evaluate", bundle, parts, *files)
    assert plain.exit_code == 0, plain.output
    page = (tmp_path / "r.html").read_text()
    before = json.loads((tmp_path / "f.json").read_text())
    assert "belong together" not in plain.output + page
    assert before["n_groups"] is None

    done = run("evaluate", bundle, parts, *files, "--overwrite", "--group-by", r"(\d+)\.png")

    assert done.exit_code == 0, done.output
    assert SAID in done.stdout.splitlines()
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["n_groups"] == 6
    assert figures["image_auroc"] == before["image_auroc"]
    page = (tmp_path / "r.html").read_text()
    assert f'<p class="lead">{SAID}</p>' in page
    assert r"--group-by &#39;(\d+)\.png&#39;" in page


def test_recalibrate_counts_groups_in_the_promise(bundle, tmp_path):
    rng = np.random.default_rng(5)
    for i in range(24):
        save(tmp_path / f"fresh/part{i // 4}-{i % 4}.png", disc(rng, 96))
    plain, grouped = tmp_path / "plain.defectory", tmp_path / "grouped.defectory"
    assert run("recalibrate", bundle, tmp_path / "fresh", "-o", plain).exit_code == 0

    done = run("recalibrate", bundle, tmp_path / "fresh", "-o", grouped, "--group-by", r"part\d+")

    assert done.exit_code == 0, done.output
    assert "needs 293 more groups of good images than the 6 there are" in done.stdout
    one, other = (defectory.load(path).threshold for path in (plain, grouped))
    assert (one.n_groups, other.n_groups, other.n_normals) == (24, 6, 24)
    assert other.bound > one.bound


def test_update_takes_groups(parts, tmp_path):
    """Both labels are of one group: the threshold then counts one fewer than there are images."""
    bundle = tmp_path / "auto.defectory"
    fit = run("fit", parts, "-o", bundle, "--size", 64, "--detector", "auto")
    assert fit.exit_code == 0, fit.output
    labels = tmp_path / "labels.csv"
    rng = np.random.default_rng(6)
    for i in range(2):
        save(tmp_path / f"lot7-{i}.png", disc(rng, 96))
    labels.write_text("path,label\nlot7-0.png,good\nlot7-1.png,good\n")

    found = {}
    for name, more in (("plain", []), ("grouped", ["--group-by", "lot.?"])):
        path = tmp_path / f"{name}.defectory"
        done = run("update", bundle, labels, "-o", path, "--force", *more)
        assert done.exit_code == 0, done.output
        found[name] = defectory.load(path).threshold

    assert found["plain"].n_normals == found["grouped"].n_normals == found["plain"].n_groups
    assert found["grouped"].n_groups == found["plain"].n_groups - 1


@pytest.mark.parametrize(
    ("rule", "words"), [("lot", "finds nothing in any of"), ("(", "is no regular expression")]
)
def test_a_rule_that_does_not_fit_is_one_line(bundle, parts, tmp_path, rule, words):
    labels = tmp_path / "labels.csv"
    labels.write_text(f"path,label\n{parts}/train/good/000.png,good\n")
    new = tmp_path / "new.defectory"
    for command in (
        ["evaluate", bundle, parts],
        ["recalibrate", bundle, parts, "-o", new],
        ["fit", parts, "-o", new],
    ):
        done = run(*command, "--group-by", rule)
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()[-1:]
        assert words in line
    assert not new.exists()


@pytest.fixture
def relit_parts(tmp_path):
    """A folder of 24 good parts, six of which are there twice, and the number of groups that makes."""
    rng = np.random.default_rng(8)
    for i in range(24):
        part = disc(rng, 96)
        save(tmp_path / f"parts/good/part{i:02}_1.png", part)
        if i < 6:
            save(tmp_path / f"parts/good/part{i:02}_2.png", lit_again(part))
    return tmp_path / "parts", 24


def test_parts_that_are_pictured_twice_are_found_said_and_counted_once(relit_parts, tmp_path):
    folder, n_groups = relit_parts
    new = tmp_path / "new.defectory"
    said = "30 images look like 24 parts: 12 seem to show a part that another shows, too"

    looked = run("inspect", folder, "--json")
    found = [one for one in json.loads(looked.stdout)["problems"] if one["code"] == "found_groups"]
    assert len(found[0]["groups"]) == 6
    assert said in found[0]["message"]

    done = run("fit", folder, "-o", new, "--size", 64, "--detector", "gaussian")
    assert done.exit_code == 0, done.output
    assert said in done.output
    threshold = defectory.load(new).threshold
    assert (threshold.n_normals, threshold.n_groups) == (30, n_groups)


@pytest.mark.parametrize(("rule", "n_groups"), [("none", 30), (r"part\d", 3), ("parent", 30)])
def test_a_rule_takes_the_place_of_what_would_be_found(relit_parts, tmp_path, rule, n_groups):
    """All images lie in one folder: of one group none can be left out, so that each is by itself."""
    folder, _ = relit_parts
    new = tmp_path / "new.defectory"
    fit = ("fit", folder, "-o", new, "--size", 64, "--detector", "gaussian")
    done = run(*fit, "--group-by", rule)
    assert done.exit_code == 0, done.output
    assert "look like" not in done.output
    is_one = "all 30 good images are of one group, which cannot be left out" in done.output
    assert is_one == (rule == "parent")
    assert defectory.load(new).threshold.n_groups == n_groups

    looked = json.loads(run("inspect", folder, "--json", "--group-by", rule).stdout)
    assert "found_groups" not in [one["code"] for one in looked["problems"]]
    assert looked["n_groups"] == {"none": None, "parent": 1}.get(rule, n_groups)


def test_in_a_folder_nobody_sorted_no_groups_are_looked_for(relit_parts, tmp_path):
    """Nothing is promised there; with --assume-good something is."""
    folder, n_groups = relit_parts
    (folder / "good").rename(folder / "pictures")
    new = tmp_path / "new.defectory"
    fit = ("fit", folder, "-o", new, "--size", 64, "--detector", "gaussian", "--overwrite")
    for more, found in (((), 30), (("--assume-good",), n_groups)):
        done = run(*fit, *more)
        assert done.exit_code == 0, done.output
        assert ("look like 24 parts" in done.output) == bool(more)
        assert defectory.load(new).threshold.n_groups == found


def test_where_some_are_unlabeled_groups_are_looked_for_if_the_promise_can_be_made(
    relit_parts, tmp_path
):
    """30 good images promise 10 %, not the usual 1 %: a few labels are no reason to leave siblings out."""
    folder, _ = relit_parts
    save(folder / "unlabeled/one.png", disc(np.random.default_rng(9), 96))
    new = tmp_path / "new.defectory"
    fit = ("fit", folder, "-o", new, "--size", 64, "--detector", "gaussian", "--overwrite")
    for rate, is_found in (("1%", False), ("10%", True)):
        done = run(*fit, "--false-reject-rate", rate)
        assert done.exit_code == 0, done.output
        assert ("look like 25 parts" in done.output) == is_found
