"""A bundle is taught, shown, accepted or rejected; every version stays reachable."""

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from defectory.domain import CONTENT_DIGITS, DataError, NoProgress, WorseError
from defectory.projects.bundle_versions import (
    add_version,
    proposed_version,
    read_version,
    set_proposal,
)
from defectory.projects.images import read_alike
from defectory.projects.scores import read_scores
from defectory.sources import FileImages
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.reviewing import scoring
from defectory.workflows.reviewing.asking import _last_update
from defectory.workflows.reviewing.project import ReviewProject
from defectory.workflows.reviewing.proposals import encode
from defectory.workflows.reviewing.state import read_state
from defectory.workflows.updating.update import update_bundle
from tests.unit.workflows.reviewing.conftest import grow


class Stages(NoProgress):
    def __init__(self, stop_at=""):
        self.found, self._stop_at = [], stop_at

    def start(self, stage, total):
        self.found.append((stage, total))
        if stage == self._stop_at:
            raise KeyboardInterrupt


def test_a_proposal_says_what_changes_and_nothing_has_changed_yet(taught):
    found = taught.proposal()
    assert (found.version, found.n_labels, found.n_defects, found.n_good) == (2, 20, 5, 15)
    overview = taught.overview()
    assert found.threshold_before == overview.bundle.threshold
    assert (overview.bundle.version, overview.proposal, overview.n_new_labels) == (1, True, 20)
    names = {image.id: image.name for image in taught.find().images}
    # an image of the fit that the review does not have is known by its name alone
    assert all(names[flip.id] == flip.name for flip in found.flips if flip.id is not None)
    assert json.loads(json.dumps(asdict(found)))["worse"] == ""


def test_accepting_lets_it_decide_at_once(taught, pictures):
    taught.accept()
    overview = taught.overview()
    assert (overview.bundle.version, overview.proposal, overview.n_new_labels) == (2, False, 0)
    assert overview.n_scored == 20
    with pytest.raises(DataError, match="nothing to learn"):
        taught.teach(use_cache=False)
    with pytest.raises(DataError, match="no taught bundle waits"):
        taught.accept()


def test_images_keep_scores_by_models_that_did_not_know_them(taught, pictures):
    before = {i.name: i for i in taught.find().images}
    first = taught.overview().bundle.threshold
    taught.accept()
    model = load_calibrated(taught.bundle_path())
    images = FileImages(sorted(pictures.iterdir()))
    held_out = model.bundle.calibration
    known = dict(zip(held_out.contents, held_out.scores.tolist(), strict=True))
    n_held_out = 0
    for i, image in enumerate(taught.find(sort="name").images):
        left_out = known.get(images.fingerprint(i)[:CONTENT_DIGITS])
        n_held_out += left_out is not None
        moved = before[image.name].score - first + model.threshold.value
        assert image.score == pytest.approx(moved if left_out is None else left_out, abs=1e-6)
    assert n_held_out == 15  # the good ones; what a defect teaches is not held out


def test_images_that_come_later_are_scored_by_the_bundle_that_decides(
    taught, review_bundle, pictures, tmp_path
):
    taught.accept()
    photos = shutil.copytree(pictures, tmp_path / "photos")
    again = grow(taught, review_bundle, photos)
    overview = again.overview()
    assert (overview.bundle.version, overview.n_images, overview.n_scored) == (2, 40, 40)
    with again._review.store.reading() as connection:
        assert not np.isnan(read_scores(connection, 2)).any()
        assert read_alike(connection) is not None
    again.close()


def test_a_bundle_that_comes_back_has_the_images_that_came_meanwhile(
    taught, review_bundle, pictures, tmp_path
):
    taught.accept()
    before = {image.id: image.score for image in taught.find().images}
    taught.restore(1)
    photos = shutil.copytree(pictures, tmp_path / "photos")
    again = grow(taught, review_bundle, photos)
    again.restore(2)
    assert (again.find().total, again.overview().n_scored) == (40, 40)
    assert before.items() <= {image.id: image.score for image in again.find().images}.items()
    again.close()


def test_images_that_the_bundle_before_never_saw_changed_no_decision(taught):
    taught.accept()
    rejected = {image.id for image in taught.find(filter="rejected").images}
    with taught._review.store.writing() as connection:
        old = read_scores(connection, 1) > read_version(connection, 1).threshold
        gone = max(rejected)
        connection.execute("DELETE FROM scores WHERE version = 1 AND image = ?", (gone,))
    flips = [(i in rejected) != was for i, was in enumerate(old.tolist(), 1) if i != gone]
    assert _last_update(taught._review, read_state(taught._review)) == (np.mean(flips), 20)


def test_images_whose_scores_are_known_are_not_looked_at_again(project, monkeypatch):
    for i in range(1, 5):
        project.label(i, "good", who="anna")
    looked_at = []
    score = scoring.score_images

    def watched(model, images, progress):
        looked_at.extend(images.fingerprint(i)[:CONTENT_DIGITS] for i in range(len(images)))
        return score(model, images, progress)

    monkeypatch.setattr(scoring, "score_images", watched)
    project.teach(use_cache=False)
    project.accept()
    held_out = load_calibrated(project.bundle_path()).bundle.calibration.contents
    assert len(looked_at) == 16  # four of twenty are among those that the bundle held out
    assert not set(looked_at) & set(held_out)
    assert project.anomaly_map(1) is not None  # computed when somebody looks


def test_only_what_was_looked_at_is_answered(taught):
    """Another bundle may have been taught in the background while a person read about this one."""
    looked_at = taught.proposal().version
    for answer in (taught.accept, taught.reject):
        with pytest.raises(DataError, match="another bundle was taught meanwhile"):
            answer(version=looked_at - 1)
    assert taught.proposal().version == looked_at
    taught.accept(version=looked_at, force=True)
    assert taught.overview().bundle.version == looked_at


def test_rejecting_keeps_it_in_the_history(taught):
    before = taught.find().images
    taught.reject()
    assert taught.proposal() is None
    assert taught.find().images == before
    first, second = taught.history()
    assert (first.version, first.state, first.origin, first.n_taught) == (1, "current", "begun", 0)
    assert (second.version, second.state, second.origin) == (2, "rejected", "taught")
    assert (second.n_taught, second.basis, second.why) == (20, "short", "")
    assert taught.overview().n_new_labels == 20


def test_sentences_that_reviews_of_earlier_versions_kept_are_left_out_of_the_history(taught):
    with taught._review.store.writing() as connection:
        connection.execute(
            "UPDATE versions SET promise = 'At most 1 %.', note = 'taught 20 labels'"
        )
    assert [(v.origin, v.basis, v.why) for v in taught.history()] == [
        ("begun", "", ""), ("taught", "", ""),
    ]  # fmt: skip


def test_going_back_and_forth_brings_back_scores_and_maps(taught):
    first, heat = taught.find().images, taught.anomaly_map(1)
    taught.accept()
    assert taught.find().images != first
    taught.restore(1)
    assert taught.find().images == first
    assert (taught.anomaly_map(1) == heat).all()  # computed again
    assert taught.overview().n_new_labels == 20
    taught.restore(2)
    assert taught.overview().n_new_labels == 0
    with pytest.raises(DataError, match="no bundle version 7"):
        taught.restore(7)


def make_worse(project):
    worse = replace(project.proposal(), worse="of 5 defects, 5 are found before and 1 after it")
    with project._review.store.writing() as connection:
        set_proposal(connection, 2, encode(worse))


def test_what_decides_worse_is_accepted_only_by_force(taught):
    make_worse(taught)
    with pytest.raises(WorseError, match="5 are found before and 1 after"):
        taught.accept()
    assert taught.overview().bundle.version == 1
    taught.reject()
    with pytest.raises(WorseError):  # nor through the back door
        taught.restore(2)
    taught.restore(2, force=True)
    assert taught.overview().bundle.version == 2


def test_teaching_again_takes_the_place_of_what_waited(taught):
    taught.label(1, "good", who="ben")
    stages = Stages()
    found = taught.teach(progress=stages, use_cache=False)
    assert stages.found[-1] == ("scoring", 20)
    assert (found.version, taught.proposal().version) == (3, 3)
    before = taught.history()[1]
    assert (before.n_taught, before.state, before.why) == (20, "rejected", "newer")


def test_an_interrupted_lesson_leaves_nothing_and_can_be_given_again(project):
    project.label(1, "defective", who="anna")
    project.label(2, "good", who="anna")
    with pytest.raises(KeyboardInterrupt):
        project.teach(progress=Stages(stop_at="scoring"), use_cache=False)
    assert [path.name for path in (project.folder / "bundles").iterdir()] == ["0001.defectory"]
    assert (project.proposal(), len(project.history())) == (None, 1)
    assert not project.overview().proposal
    assert project.teach(use_cache=False).version == 3


def test_what_a_killed_process_left_is_swept_away(project):
    with project._review.store.writing() as connection:
        row = replace(
            _version_1(project), version=2, file="bundles/0002.defectory", state="preparing"
        )
        add_version(connection, row)
        assert proposed_version(connection) is None
    shutil.copy(project.bundle_path(), project.folder / "bundles" / "0002.defectory")
    project.label(1, "defective", who="anna")
    assert project.teach(use_cache=False).version == 3
    assert not (project.folder / "bundles" / "0002.defectory").exists()


def _version_1(project):
    with project._review.store.reading() as connection:
        return read_version(connection, 1)


def test_labels_given_meanwhile_are_new_afterwards(project):
    class Meanwhile(NoProgress):
        def start(self, stage, total):
            if stage == "scoring":
                project.label(3, "good", who="ben")

    project.label(1, "defective", who="anna")
    project.teach(progress=Meanwhile(), use_cache=False)
    project.accept(force=True)
    assert project.overview().n_new_labels == 1


def test_only_a_random_sample_of_what_was_confirmed_promises(project):
    first = [entry.id for entry in project.queue(4, "random")]
    suspicious = [i.id for i in project.find().images if i.id not in first][:4]
    for i in (*first[1:], *suspicious):
        project.label(i, "good", who="anna")
    project.teach(use_cache=False)
    project.accept(force=True)
    model = load_calibrated(project.bundle_path())
    assert len(model.facts.chosen) == 7  # the first of the random order waits
    assert model.bundle.calibration.is_confirmed.sum() == 16  # of the fit
    project.label(first[0], "good", who="anna")
    project.teach(use_cache=False)
    project.accept(force=True)
    model = load_calibrated(project.bundle_path())
    assert len(model.facts.chosen) == 4
    assert model.bundle.calibration.is_confirmed.sum() == 20


def test_its_table_teaches_as_the_page_does(project, review_bundle, tmp_path):
    first = [entry.id for entry in project.queue(4, "random")]
    suspicious = [i.id for i in project.find().images if i.id not in first][:3]
    for i in (*first, *suspicious):
        project.label(i, "good", who="anna")
    (tmp_path / "labels.csv").write_text(project.labels_csv(), errors="surrogateescape")
    project.teach(use_cache=False)
    project.accept(force=True)
    taught = load_calibrated(project.bundle_path())
    better = tmp_path / "better.defectory"
    update = update_bundle(
        review_bundle, tmp_path / "labels.csv", better, use_cache=False, force=True
    )
    assert len(update.model.facts.chosen) == len(taught.facts.chosen) == 3
    n_confirmed = taught.bundle.calibration.is_confirmed.sum()
    assert n_confirmed == 16 + 4
    assert update.model.bundle.calibration.is_confirmed.sum() == n_confirmed
    assert update.model.threshold == taught.threshold


def test_a_proposal_can_be_read_but_not_answered_while_images_are_scored(project):
    seen = []

    class Meanwhile(NoProgress):
        def start(self, stage, total):
            if stage == "scoring":
                seen.append(project.proposal())
                assert project.overview().proposal
                for answer in (project.accept, project.reject):
                    with pytest.raises(DataError, match="still scores the other images"):
                        answer()

    project.label(1, "defective", who="anna")
    found = project.teach(progress=Meanwhile(), use_cache=False)
    assert seen == [replace(found, is_ready=False)]
    assert project.proposal() == found
    project.accept(force=True)


def test_a_bundle_that_became_current_meanwhile_makes_the_lesson_void(project):
    class Meanwhile(NoProgress):
        def start(self, stage, total):
            if stage == "scoring":
                project.set_false_reject_rate(0.1)

    project.label(1, "defective", who="anna")
    with pytest.raises(DataError, match="no longer the current one"):
        project.teach(progress=Meanwhile(), use_cache=False)
    assert project.proposal() is None


def test_two_lessons_at_once_are_refused(project):
    class Again(NoProgress):
        def start(self, stage, total):
            with pytest.raises(DataError, match="being taught already"):
                project.teach(use_cache=False)

    project.label(1, "defective", who="anna")
    assert project.teach(progress=Again(), use_cache=False).n_labels == 1


def test_copies_with_two_labels_are_told_of(review_bundle, pictures, tmp_path):
    shutil.copytree(pictures, tmp_path / "data")
    shutil.copy(pictures / "000.png", tmp_path / "data" / "copy.png")
    project = ReviewProject.create(tmp_path / "review", review_bundle, tmp_path / "data")
    numbers = {image.name: image.id for image in project.find().images}
    assert len(project.queue(50)) == 20  # copies are asked about once
    project.label(numbers["000.png"], "good", who="anna")
    project.label(numbers["copy.png"], "defective", who="anna")
    with pytest.raises(DataError, match="are the same image, labeled"):
        project.teach(use_cache=False)
    project.close()


def test_a_new_rate_that_a_lesson_swept_away_does_not_become_current(project, monkeypatch):
    from defectory.projects.bundle_versions import fail_unfinished
    from defectory.workflows.reviewing import versions

    def save_and_sweep(model, path):
        with project._review.store.writing() as connection:
            assert fail_unfinished(connection) == ["bundles/0002.defectory"]

    monkeypatch.setattr(versions, "save", save_and_sweep)
    with pytest.raises(DataError, match="from another window"):
        project.set_false_reject_rate(0.05)
    assert project.overview().bundle.version == 1
