"""The queue asks about what nobody has answered; the overview says how far the review is."""

import shutil

import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.labeling.random_part import random_order
from defectory.workflows.reviewing.facts import Running
from defectory.workflows.reviewing.project import ReviewProject
from tests.unit.workflows.reviewing.conftest import grow, label_all


def test_the_queue_asks_each_image_once_and_names_the_strategy(project):
    entries = project.queue(50)
    assert sorted(entry.id for entry in entries) == list(range(1, 21))
    assert all(entry.strategy and entry.etag == "0" for entry in entries)
    assert project.queue(3) == entries[:3]


@pytest.mark.parametrize("value", ["good", "skipped", "unsure"])
def test_what_was_answered_or_passed_is_not_asked_again(project, value):
    first = project.queue(3, "likely-defect")
    project.label(first[0].id, value, who="anna")
    assert [entry.id for entry in project.queue(2, "likely-defect")] == [
        entry.id for entry in first[1:]
    ]
    project.label(first[0].id, None, who="anna")
    assert [entry.id for entry in project.queue(3, "likely-defect")] == [
        entry.id for entry in first
    ]


def test_every_strategy_answers_and_others_are_refused(project):
    for name in project.overview().strategies:
        assert all(entry.strategy == name for entry in project.queue(5, name))
    for other in ("luck", "disagreement"):  # a review does not keep what the latter asks by
        with pytest.raises(ParameterError, match="mix, likely-defect"):
            project.queue(5, other)


def test_the_overview_counts(project):
    project.label(1, "defective", who="anna", defect_type="dent")
    project.label(2, "good", who="anna")
    project.label(3, "unsure", who="anna")
    project.label(4, "skipped", who="anna")
    found = project.overview()
    counts = found.n_images, found.n_scored, found.n_labeled, found.n_good, found.n_defective
    assert counts == (20, 20, 3, 1, 1)
    assert (found.n_unsure, found.n_new_labels, found.defect_types) == (1, 2, ("dent",))
    assert (found.name, found.bundle.version, found.bundle.detector) == ("review", 1, "auto")
    assert found.gain is None  # too few answers to say that it is enough
    assert not found.proposal


def test_an_open_review_sees_images_that_another_process_adds(
    project, review_bundle, pictures, tmp_path
):
    assert project.overview().n_images == 20
    likely = project.queue(3, "likely-defect")
    project.image(1)
    photos = shutil.copytree(pictures, tmp_path / "photos")
    another = grow(project, review_bundle, photos)
    assert (project.overview().n_images, project.overview().n_scored) == (40, 40)
    assert project.image(40).alike == another.image(40).alike
    asked = project.queue(50, "likely-defect")
    assert asked[:3] == likely
    assert len(asked) == 20  # the new ones are copies
    another.close()


def test_a_mask_on_what_the_data_call_defective_makes_it_no_choice_of_a_persons(
    review_bundle, pictures, tmp_path
):
    last = random_order(8)[-1]
    rows = [f"{pictures / f'{i:03}.png'},{'bad' if i == last else ''}" for i in range(8)]
    copy = shutil.copy(pictures / f"{last:03}.png", tmp_path / "copy.png")
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows, f"{copy},"]))
    project = ReviewProject.create(tmp_path / "review", review_bundle, tmp_path / "list.csv")
    (image,) = project.find(filter="defective").images
    project.set_mask(image.id, np.ones((96, 96), bool), who="anna")
    assert [each.is_random for each in project.labeled()] == [None]  # neither drawn nor chosen
    project.label(image.id, "defective", who="anna")
    assert [each.is_random for each in project.labeled()] == [False]
    project.close()


def test_when_all_is_labeled_the_estimates_are_what_was_counted(project):
    label_all(project)
    found = project.overview()
    assert isinstance(found.running, Running)
    assert (found.running.n_random, found.running.defect_ratio.value) == (20, 0.25)
    rejected = {image.id for image in project.find(filter="rejected").images}
    defective = {image.id for image in project.find(filter="defective").images}
    assert found.running.recall.value == len(rejected & defective) / len(defective)
    assert found.running.precision.value == len(rejected & defective) / len(rejected)
    assert found.gain.said


def test_taught_images_count_by_scores_that_did_not_know_them(taught):
    before = taught.overview().running
    taught.accept(force=True)
    after = taught.overview().running
    assert after.n_random == before.n_random
    assert 0 <= after.recall.value <= 1
    assert np.isfinite(taught.overview().bundle.threshold)
