"""Images that a filter finds, and what is known of one."""

import shutil

import numpy as np
import pytest

from defectory.domain import DataError, ParameterError
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.reviewing.browsing import FILTERS, SORTS
from defectory.workflows.reviewing.project import ReviewProject


def ids(project, **asked):
    found = project.find(**asked)
    assert found.total == len(found.images)
    return [image.id for image in found.images]


def test_filters_find_what_they_say(project):
    threshold = project.overview().bundle.threshold
    rejected = {image.id for image in project.find().images if image.score > threshold}
    (high, *_), (low, *_) = ids(project), ids(project, sort="score")
    project.label(high, "good", who="anna")
    project.label(low, "defective", who="anna")
    project.label(5, "unsure", who="anna")
    assert ids(project, filter="good") == [high]
    assert ids(project, filter="defective") == [low]
    assert ids(project, filter="unsure") == [5]
    assert set(ids(project, filter="wrong")) == {high, low}
    assert set(ids(project, filter="rejected")) == rejected
    assert set(ids(project, filter="accepted")) == set(range(1, 21)) - rejected
    unlabeled = set(range(1, 21)) - {high, low, 5}
    assert set(ids(project, filter="unlabeled")) == unlabeled
    assert set(ids(project, filter="unlabeled-rejected")) == rejected & unlabeled
    assert set(ids(project, filter="unlabeled-accepted")) == unlabeled - rejected
    assert ids(project, filter="disagreed") == []
    assert ids(project, sort="when")[:3] == [5, low, high]


def test_every_filter_and_order_answers(project):
    for name in FILTERS:
        for sort in SORTS:
            project.find(filter=name, sort=sort, search="0")


def test_names_are_searched_as_they_are_and_pages_turned(project):
    assert ids(project, search="01", sort="name") == [2, *range(11, 21)]
    assert ids(project, search="%") == []
    found = project.find(sort="name", offset=18, limit=5)
    assert (found.total, [image.id for image in found.images]) == (20, [19, 20])
    for wrong in ({"filter": "x"}, {"sort": "x"}, {"offset": -1}, {"limit": 10_000}):
        with pytest.raises(ParameterError):
            project.find(**wrong)


def test_an_image_is_told_of_as_score_does(project, review_bundle, pictures):
    from defectory.sources import FileImages

    model = load_calibrated(review_bundle)
    _, (decision,) = model.judge(FileImages([pictures / "000.png"]))
    facts = project.image(1)
    assert (facts.name, facts.width, facts.height, facts.decision) == (
        "000.png",
        96,
        96,
        "rejected",
    )
    assert facts.p_value == model.p_values.of(facts.score)
    assert [region.box for region in facts.regions] == [
        (r.x_px, r.y_px, r.x_px + r.width_px, r.y_px + r.height_px) for r in decision.regions
    ]


def test_alike_images_are_confirmed_ones_and_never_the_image_itself(project):
    before = project.image(1).alike
    assert (before.good, before.defective) == ((), ())
    assert len(before.unconfirmed) == 3  # low scores stand in
    assert 1 not in before.unconfirmed
    project.label(2, "good", who="anna")
    some = project.image(1).alike
    assert (some.good, len(some.unconfirmed)) == ((2,), 2)
    for i in (1, 5, 9):
        project.label(i, "defective", who="anna")
    for i in (2, 3, 4):
        project.label(i, "good", who="anna")
    found = project.image(1).alike
    assert set(found.defective) == {5, 9}
    assert set(found.good) == {2, 3, 4}
    assert found.unconfirmed == ()


def test_the_outline_covers_where_the_map_is_high(project):
    heat, outline = project.anomaly_map(1), project.outline(1)
    assert heat.dtype == np.float32
    assert outline.shape == (96, 96)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert outline[(2 * y + 1) * 96 // (2 * heat.shape[0]), (2 * x + 1) * 96 // (2 * heat.shape[1])]
    assert project.heat_scale().high > project.heat_scale().low


def test_an_image_that_has_changed_teaches_nothing(review_bundle, pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / "data")
    project = ReviewProject.create(tmp_path / "review", review_bundle, tmp_path / "data")
    project.label(1, "good", who="anna")
    shutil.copy(pictures / "001.png", tmp_path / "data" / "000.png")
    with pytest.raises(DataError, match="has changed since it was scored"):
        project.teach(use_cache=False)
    project.close()
