import numpy as np

from defectory.artifacts import RecordedSuspect
from defectory.domain import HeldOutScores, Label
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.candidates import (
    embed_thumbnails,
    find_copies,
    gather_candidates,
)
from tests.bundles import bundle_of
from tests.unit.workflows.brightness import Brightness

CONTENTS = tuple(f"{i:012x}" for i in range(6))
OPEN = np.full(6, Label.UNLABELED, np.int8)
SCORES = np.arange(6, dtype=np.float32)


def model_of(known=(), scores=(), is_confirmed=None, **facts):
    calibration = HeldOutScores.of(scores, contents=known, is_confirmed=is_confirmed)
    bundle = bundle_of(Brightness(), **facts)
    return CalibratedDetector(
        type(bundle)(bundle.detector, calibration, bundle.promise, bundle.facts)
    )


def test_left_out_scores_take_the_place_of_those_of_a_model_that_knows_the_image():
    model = model_of(CONTENTS[:2], [7.0, 1.5])
    found = gather_candidates(model, CONTENTS, SCORES, OPEN)
    assert found.scores.tolist() == [7, 1.5, 2, 3, 4, 5]
    assert found.disagreements.tolist() == [7, 0.5, 0, 0, 0, 0]
    assert found.threshold == model.threshold.value


def test_a_model_that_knows_none_of_the_images_says_nothing_of_them():
    found = gather_candidates(model_of(["f" * 12], [3.0]), CONTENTS, SCORES, OPEN)
    assert found.scores.tolist() == SCORES.tolist()
    assert found.disagreements is None
    assert found.suspicions is None
    assert found.embeddings is None
    assert len(found.holders) == 0


def test_labels_of_the_fit_and_of_updates_are_known():
    model = model_of(
        CONTENTS[:2], [1.0, 2.0], is_confirmed=[True, False],
        confirmed_names={CONTENTS[0]: "a.png", CONTENTS[3]: "b.png"},
    )  # fmt: skip
    codes = OPEN.copy()
    codes[5] = Label.NORMAL
    found = gather_candidates(model, CONTENTS, SCORES, codes)
    assert found.codes.tolist() == [0, -1, -1, 1, -1, 0]
    assert codes[0] == Label.UNLABELED


def test_suspects_are_distrusted_by_what_their_weight_lacks():
    suspect = RecordedSuspect("x.png", "x.png", CONTENTS[4], 9.0, 0.25, "odd")
    found = gather_candidates(model_of(suspects=(suspect,), n_suspects=1), CONTENTS, SCORES, OPEN)
    assert found.suspicions.tolist() == [0, 0, 0, 0, 0.75, 0]


def test_copies_are_one_and_so_is_a_picture_saved_again():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (4, 64, 64)).astype(np.uint8)
    pictures[3] = np.clip(pictures[1].astype(int) + 2, 0, 255)
    numbers = find_copies(("a", "b", "a", "c"), pictures)
    assert numbers[0] == numbers[2]
    assert numbers[1] == numbers[3]
    assert numbers[0] != numbers[1]
    assert find_copies(("a", "b", "a"), None).tolist() == [0, 1, 0]


def test_embeddings_do_not_feel_the_exposure():
    picture = np.random.default_rng(0).integers(0, 100, (64, 64)).astype(np.uint8)
    first, brighter, other = embed_thumbnails(np.stack([picture, picture + 50, picture[::-1]]))
    assert first.shape == (64,)
    np.testing.assert_allclose(first, brighter, atol=1e-5)
    assert np.abs(first - other).max() > 0.5


def test_names_of_what_may_hold_the_threshold_up_are_no_labels():
    names = {CONTENTS[0]: "a.png"}
    model = model_of(["f" * 12], [3.0], holder_names=names)  # recalibrated: other images hold it up
    found = gather_candidates(model, CONTENTS, SCORES, OPEN)
    assert found.codes.tolist() == OPEN.tolist()


def test_unlabeled_images_whose_names_the_bundle_knows_are_still_asked_about():
    names = {CONTENTS[0]: "a.png", CONTENTS[1]: "b.png", CONTENTS[2]: "c.png"}
    model = model_of(CONTENTS[:2], [7.0, 1.5], is_confirmed=[False, True], confirmed_names=names)
    found = gather_candidates(model, CONTENTS, SCORES, OPEN)
    assert found.codes.tolist() == [Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS, *OPEN[3:]]
