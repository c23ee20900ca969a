"""A review is begun whole, goes on where it was interrupted, and leaves everything else alone."""

import hashlib
import shutil

import numpy as np
import pytest

from defectory.domain import DataError, NoProgress, OutputError, ParameterError
from defectory.projects import DATABASE
from defectory.sources import FileImages
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.reviewing.project import ReviewProject
from tests.pictures import save, write_mvtec
from tests.unit.workflows.reviewing.conftest import grow

BLANK = np.full((32, 32, 3), 90, np.uint8)


class Told(NoProgress):
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


class Stops(NoProgress):
    """Interrupts work at the n-th image."""

    def __init__(self, n):
        self.left = n

    def advance(self, steps=1):
        self.left -= steps
        if self.left <= 0:
            raise KeyboardInterrupt


def test_every_image_is_scored_as_score_does(project, review_bundle, pictures):
    paths = sorted(pictures.iterdir())
    scores, decisions = load_calibrated(review_bundle).judge(FileImages(paths))
    found = project.find(sort="name")
    assert [image.name for image in found.images] == [path.name for path in paths]
    assert [image.score for image in found.images] == scores.image_scores.tolist()
    assert [image.decision for image in found.images] == [d.outcome for d in decisions]


def test_the_bundle_is_copied_and_stays(project, review_bundle):
    copy = project.folder / "bundles" / "0001.defectory"
    assert copy.read_bytes() == review_bundle.read_bytes()
    assert project.bundle_path() == copy


def test_an_interrupted_create_goes_on(review_bundle, pictures, tmp_path, monkeypatch, fresh):
    monkeypatch.setattr("defectory.workflows.reviewing.create.CHUNK", 4)
    folder = tmp_path / "review"
    with pytest.raises(KeyboardInterrupt):
        ReviewProject.create(folder, review_bundle, pictures, progress=Stops(11))
    with pytest.raises(DataError, match="interrupted before all images were scored"):
        ReviewProject.open(folder)
    seen = []
    monkeypatch.setattr(
        "defectory.workflows.reviewing.create.score_images",
        lambda model, images, progress: seen.append(len(images)) or _score(model, images, progress),
    )
    project = ReviewProject.create(folder, review_bundle, pictures)
    assert seen == [4, 4, 4]  # two chunks were on the disk
    whole = ReviewProject.open(fresh)
    assert project.find(sort="name").images == whole.find(sort="name").images
    for each in (project, whole):
        each.close()


def _score(model, images, progress):
    from defectory.workflows.reviewing.scoring import score_images

    return score_images(model, images, progress)


def test_the_same_command_again_changes_nothing(fresh, review_bundle, pictures, tmp_path):
    shutil.copytree(fresh, tmp_path / "review")
    project = ReviewProject.create(tmp_path / "review", review_bundle, pictures)
    assert project.overview().n_images == 20
    assert len(project.history()) == 1
    project.close()


def test_a_review_of_other_images_is_refused(fresh, review_bundle, tmp_path):
    save(tmp_path / "other" / "a.png", BLANK)
    with pytest.raises(DataError, match="of another bundle or of other images"):
        ReviewProject.create(fresh, review_bundle, tmp_path / "other")


@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_the_folder_is_never_an_input(review_bundle, tmp_path, place):
    save(tmp_path / "data" / "a.png", BLANK)
    with pytest.raises(OutputError):
        ReviewProject.create(tmp_path / "data" / place, review_bundle, tmp_path / "data")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.png"]


def test_a_folder_with_something_else_is_refused(review_bundle, pictures, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="did not write"):
        ReviewProject.create(tmp_path, review_bundle, pictures)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_bundle_in_the_wrong_place_is_told_of(review_bundle, pictures, tmp_path):
    with pytest.raises(ParameterError, match="BUNDLE comes first"):
        ReviewProject.create(tmp_path / "review", pictures, review_bundle)
    assert not (tmp_path / "review").exists()


def test_an_image_that_cannot_be_read_is_left_out_and_told_of(review_bundle, pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / "data")
    (tmp_path / "data" / "007.png").write_bytes(b"no picture")
    told = Told()
    project = ReviewProject.create(
        tmp_path / "review", review_bundle, tmp_path / "data", progress=told
    )
    assert project.overview().n_images == 19
    assert any("left out: cannot read" in line and "007.png" in line for line in told.lines)
    project.close()


def test_an_image_that_can_be_read_the_next_time_is_taken_in_then(
    review_bundle, pictures, tmp_path
):
    photos = shutil.copytree(pictures, tmp_path / "data")
    whole = (photos / "007.png").read_bytes()
    (photos / "007.png").write_bytes(whole[:100])  # still being copied
    for n_images, content in ((19, whole[:100]), (20, whole), (20, whole)):
        (photos / "007.png").write_bytes(content)
        project = ReviewProject.create(tmp_path / "review", review_bundle, photos)
        assert project.overview().n_images == n_images
        with project._review.store.reading() as connection:
            left_out = connection.execute("SELECT count(*) FROM unreadable").fetchone()[0]
        assert left_out == 20 - n_images
        project.close()


def test_copies_are_looked_for_again_where_that_was_interrupted(
    project, review_bundle, pictures, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    photos = shutil.copytree(pictures, tmp_path / "photos")
    with monkeypatch.context() as patch:
        patch.setattr("defectory.workflows.reviewing.create.find_copies", interrupted)
        with pytest.raises(KeyboardInterrupt):
            grow(project, review_bundle, photos)
    again = ReviewProject.create(project.folder, review_bundle, photos)
    assert len(again.queue(50)) == 20  # of forty: the new ones are copies
    again.close()


def test_labels_and_masks_of_the_data_are_answers_and_the_test_split_is_not_there(
    review_bundle, tmp_path
):
    parts = write_mvtec(tmp_path / "parts", n_train=3, n_good=2, n_defective=2)
    (parts / "labels.csv").write_text(
        "path,label,mask,type,split\n"
        "train/good/000.png,,,,\n"
        "train/good/001.png,normal,,,\n"
        "test/scratch/000.png,anomalous,ground_truth/scratch/000_mask.png,scratch,\n"
        "test/scratch/001.png,anomalous,,,test\n"
    )
    told = Told()
    project = ReviewProject.create(
        tmp_path / "review", review_bundle, parts / "labels.csv", progress=told
    )
    rows = project.find(sort="name").images
    assert [(row.name, row.label, row.defect_type) for row in rows] == [
        ("test/scratch/000.png", "defective", "scratch"),
        ("train/good/000.png", None, ""),
        ("train/good/001.png", "good", ""),
    ]
    assert project.image(rows[0].id).label.who == "data"
    assert project.image(rows[0].id).has_mask
    assert project.mask(rows[0].id).any()
    assert False not in [image.is_random for image in project.labeled()]  # nobody chose them here
    assert told.lines == ["1 images of the test split are left out: nothing may learn from them"]
    project.close()


def test_labels_that_the_fit_knew_are_not_new(review_bundle, tmp_path):
    parts = review_bundle.parent / "parts" / "train"
    project = ReviewProject.create(tmp_path / "review", review_bundle, parts)
    overview = project.overview()
    assert (overview.n_good, overview.n_new_labels) == (16, 0)
    with pytest.raises(DataError, match="nothing to learn"):
        project.teach()
    project.close()


def test_the_pictures_are_only_read(project, pictures):
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in pictures.iterdir()}
    project.label(1, "good", who="anna")
    project.image(1)
    assert {
        path: hashlib.sha256(path.read_bytes()).digest() for path in pictures.iterdir()
    } == before
    assert not list(pictures.glob(f"*{DATABASE}*"))


def test_an_image_that_is_listed_twice_is_there_once(review_bundle, pictures, tmp_path):
    rows = [
        f"{pictures / '000.png'},good",
        f"{pictures / '000.png'},good",
        f"{pictures / '001.png'},",
    ]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    project = ReviewProject.create(tmp_path / "review", review_bundle, tmp_path / "list.csv")
    assert [(i.name[-7:], i.label) for i in project.find(sort="name").images] == [
        ("000.png", "good"),
        ("001.png", None),
    ]
    project.close()
