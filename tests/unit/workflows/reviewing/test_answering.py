"""Labels and masks: what a person says is kept, and conflicts are told of."""

import numpy as np
import pytest

from defectory.domain import MaskError, ParameterError
from defectory.projects import MissingImageError
from defectory.sources import read_dataset
from defectory.workflows.reviewing.facts import ConflictError
from defectory.workflows.reviewing.project import ReviewProject

MARKED = np.zeros((96, 96), bool)
MARKED[10:20, 30:40] = True


def test_a_label_is_there_for_everybody_and_after_opening_again(project):
    state = project.label(
        1, "defective", who="anna", seconds=2.0, strategy="random", defect_type="dent", expected="0"
    )
    again = ReviewProject.open(project.folder)
    facts = again.image(1)
    assert facts.label == state.label
    assert (facts.label.value, facts.label.defect_type, facts.label.who) == (
        "defective",
        "dent",
        "anna",
    )
    assert facts.etag == state.etag
    assert [(e.value, e.seconds, e.strategy, e.what) for e in facts.history] == [
        ("defective", 2.0, "random", "label")
    ]
    again.close()


def test_a_conflict_shows_the_present_state(project):
    first = project.label(1, "good", who="anna", expected="0")
    with pytest.raises(ConflictError) as told:
        project.label(1, "defective", who="ben", expected="0")
    assert told.value.current == first
    with pytest.raises(ConflictError):
        project.set_mask(1, MARKED, who="ben", expected="0")
    assert project.image(1).label.value == "good"


def test_taking_back_leaves_no_label_but_a_history(project):
    project.label(1, "good", who="anna")
    state = project.label(1, None, who="anna")
    assert state.label is None
    assert [entry.value for entry in project.image(1).history] == ["good", None]


def test_a_mask_says_nothing_of_who_labeled(project):
    project.label(1, "defective", who="anna")
    state = project.set_mask(1, MARKED, who="ben")
    assert (state.label.who, state.has_mask) == ("anna", True)
    np.testing.assert_array_equal(project.mask(1), MARKED)
    assert not project.set_mask(1, np.zeros((96, 96), bool), who="ben").has_mask
    assert project.mask(1) is None
    project.set_mask(1, MARKED, who="ben")
    assert not project.set_mask(1, None, who="ben").has_mask


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "bad"},
        {"who": " "},
        {"seconds": -1.0},
        {"seconds": float("nan")},
        {"defect_type": "x" * 201},
        {"strategy": "a\nb"},
    ],
)
def test_what_cannot_be_kept_is_refused(project, wrong):
    given = {"value": "defective", "who": "anna", **wrong}
    with pytest.raises(ParameterError):
        project.label(1, given.pop("value"), **given)
    assert project.image(1).etag == "0"


def test_images_that_are_not_there_and_masks_of_other_sizes_are_refused(project):
    with pytest.raises(MissingImageError):
        project.label(99, "good", who="anna")
    with pytest.raises(MissingImageError):
        project.image(99)
    with pytest.raises(MaskError, match=r"3 x 2 px but its image 000\.png is 96 x 96"):
        project.set_mask(1, np.ones((2, 3), bool), who="anna")


def test_disagreements_name_who_said_what(project):
    project.label(1, "good", who="anna")
    project.label(1, "defective", who="ben")
    (found,) = project.disagreements()
    assert (found.id, found.name) == (1, "000.png")
    assert [(given.who, given.value) for given in found.labels] == [
        ("anna", "good"),
        ("ben", "defective"),
    ]
    assert [row.id for row in project.find(filter="disagreed").images] == [1]


def test_labels_go_out_as_a_manifest_that_is_read_again(project, tmp_path):
    project.label(1, "defective", who="anna", defect_type="dent")
    project.set_mask(1, MARKED, who="anna")
    project.label(2, "good", who="anna")
    project.label(3, "unsure", who="anna")
    (tmp_path / "labels.csv").write_text(project.labels_csv(), errors="surrogateescape")
    dataset = read_dataset(tmp_path / "labels.csv")
    assert [(s.path.name, s.label.name, s.defect_type) for s in dataset.samples] == [
        ("000.png", "ANOMALOUS", "dent"),
        ("001.png", "NORMAL", None),
    ]
    np.testing.assert_array_equal(dataset.masks().read(0), MARKED)
    assert [(item.id, item.value) for item in project.labeled()] == [(1, "defective"), (2, "good")]
