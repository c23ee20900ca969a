"""Figures are of images, intervals of what belongs together."""

import json

import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.workflows.evaluation.bundles import write_figures
from defectory.workflows.evaluation.evaluate import evaluate
from tests.pictures import save
from tests.unit.workflows.brightness import brightness_model, write_bright

# Ten parts, four pictures each, of nearly one brightness; the last five are defective and mostly brighter.
PARTS = [10, 30, 50, 70, 90, 60, 80, 100, 120, 140]
VALUES = [part + i for part in PARTS for i in range(4)]


@pytest.fixture
def folder(tmp_path):
    return write_bright(tmp_path, VALUES)


def listed(folder, *, n_labeled=40, group=None, masks=False):
    """Write a manifest; `group` gives the group of image i, or "" for none."""
    rows = ["path,label,group,mask"]
    for i in range(40):
        label = "" if i >= n_labeled else "good" if i < 20 else "bad"
        mask = "m.png" if masks and label == "bad" else ""
        rows.append(f"{i:03}.png,{label},{group(i) if group else ''},{mask}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return folder / "list.csv"


def width(evaluation, key="image_auroc"):
    low, high = evaluation.intervals[key]
    return high - low


def test_intervals_resample_the_groups_of_a_manifest_and_say_so(folder):
    each = evaluate(brightness_model(), listed(folder))
    parts = evaluate(brightness_model(), listed(folder, group=lambda i: f"part {i // 4}"))

    assert parts.metrics == pytest.approx(each.metrics, nan_ok=True)
    for key in ("image_auroc", "image_ap", "f1"):
        assert width(parts, key) > 1.5 * width(each, key)
    assert (each.n_groups, each.explain_intervals()) == (None, "")
    assert (
        parts.explain_intervals() == "Intervals resample 10 groups of images that belong together."
    )
    told = [json.loads(json.dumps(one.to_dict())) for one in (each, parts)]
    assert [one["n_groups"] for one in told] == [None, 10]


def test_pixel_intervals_resample_them_as_well(folder):
    rng = np.random.default_rng(0)
    save(folder / "m.png", np.where(rng.random((8, 8)) < 0.5, 255, 0))

    each = evaluate(brightness_model(), listed(folder, masks=True))
    parts = evaluate(brightness_model(), listed(folder, masks=True, group=lambda i: i // 4))

    for key in ("pixel_auroc", "aupro"):
        assert width(parts, key) > 1.5 * width(each, key)


def test_a_rule_tells_groups_by_names(folder):
    by_list = evaluate(brightness_model(), listed(folder, group=lambda i: i // 10))
    by_rule = evaluate(brightness_model(), listed(folder), group_by=r"^0\d")

    assert by_rule.n_groups == by_list.n_groups == 4
    assert by_rule.intervals == by_list.intervals
    with pytest.raises(ParameterError, match="finds nothing in any of 40 names"):
        evaluate(brightness_model(), folder / "list.csv", group_by="lot")


def test_only_groups_of_judged_images_count_and_each_other_image_is_one(folder):
    manifest = listed(folder, n_labeled=30, group=lambda i: i // 4 if i >= 4 else "")

    found = evaluate(brightness_model(), manifest)

    assert found.n_unlabeled == 10
    assert (
        found.n_groups == 4 + 7
    )  # four images of no group; of seven parts the last is labeled in part


def test_groups_of_one_image_each_are_none(folder):
    assert evaluate(brightness_model(), listed(folder, group=str)).n_groups is None


def test_defects_of_one_part_alone_tell_nothing_of_others(folder):
    manifest = listed(folder, n_labeled=24, group=lambda i: i // 4)

    found = evaluate(brightness_model(), manifest)

    assert 0 < found.metrics["image_auroc"] < 1
    assert found.intervals["image_auroc"] == (0.0, 1.0)


@pytest.mark.parametrize(("kind", "missing"), [("good", "defective"), ("bad", "good")])
def test_of_one_kind_alone_it_says_what_cannot_be_given(folder, kind, missing):
    (folder / "list.csv").write_text(f"path,label\n000.png,{kind}\n001.png,{kind}\n")

    found = evaluate(brightness_model(), folder / "list.csv")

    assert np.isnan(found.metrics["image_auroc"])
    assert f"no image is labeled {missing}: " in found.notes[0]


def test_figures_without_good_images_can_be_written(folder, tmp_path):
    (folder / "list.csv").write_text("path,label,type\n000.png,bad,dent\n001.png,bad,dent\n")

    evaluation = evaluate(brightness_model(), folder / "list.csv")
    write_figures(evaluation, tmp_path / "figures.json")

    [dent] = json.loads((tmp_path / "figures.json").read_text())["types"]
    assert (dent["name"], dent["n_images"], dent["image_auroc"]) == ("dent", 2, None)
