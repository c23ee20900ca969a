from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.detectors.evidence import learner as module
from defectory.detectors.evidence.classifier import ClassifierSettings
from defectory.detectors.evidence.learner import Learner, deal_folds
from defectory.domain import Label
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    PlainNormality,
    measurements,
    study_of,
)

QUICK = ClassifierSettings(n_steps=40, batch_size=64, n_hidden=8, learning_rate=0.02)
UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)
CODES = [NORMAL] * 4 + [UNLABELED] * 5 + [ANOMALOUS] * 3
N = len(CODES)
IS_SUSPECT = np.arange(N) == 8
IS_NORMAL = np.arange(N) < 7


@pytest.fixture
def study():
    """Looks and evidence of the first two cells are off in the last four images; two of these have masks."""
    rng = np.random.default_rng(0)
    described, odd = rng.normal(size=(N, N_CELLS, 3)), rng.normal(size=(N, N_CELLS))
    described[8:, :2] += 3
    odd[8:, :2] += 5
    coverage = np.full((N, N_CELLS), np.nan)
    coverage[10:] = np.arange(N_CELLS) < 2
    coverage[10:, 2] = 0.1
    return study_of(
        CODES,
        coverage,
        measured=measurements(odd),
        described=(10 * described).round().astype(np.int8),
    )


@pytest.fixture
def taught(monkeypatch):
    """The lessons and folds of each training."""
    given_ = []

    class Recorder:
        @classmethod
        def train(cls, lessons, folds, settings, seed):
            given_.append((lessons, folds))
            return cls()

        def left_out_logits(self, cells, folds):
            return np.zeros((len(folds), N_CELLS), np.float32)

    monkeypatch.setattr(module, "CellClassifier", Recorder)
    return given_


@settings(max_examples=60)
@given(arrays(bool, st.integers(1, 40)), st.integers(2, 5), st.integers(0, 100))
def test_folds_are_even_in_defective_images_and_in_others(is_defective, n_folds, seed):
    folds = deal_folds(is_defective, n_folds, seed)
    assert folds.shape == is_defective.shape
    for members in (folds[is_defective], folds[~is_defective]):
        counts = np.bincount(members, minlength=n_folds)
        assert len(counts) == n_folds
        assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(folds, deal_folds(is_defective, n_folds, seed))


def test_folds_are_dealt_at_random():
    is_defective = np.arange(40) < 12
    assert (deal_folds(is_defective, 3, 0) != deal_folds(is_defective, 3, 1)).any()
    assert (deal_folds(is_defective, 3, 0)[:12] != np.arange(12) % 3).any()


def test_images_are_told_by_labels_and_suspects_against_normal_images(study, taught):
    Learner(QUICK, 0).find_images(study, None, PlainNormality(), IS_SUSPECT, IS_NORMAL)
    ((lessons, folds),) = taught
    assert len(lessons.cells) == N
    np.testing.assert_array_equal(lessons.normal, np.repeat(IS_NORMAL[:, None], N_CELLS, axis=1))
    np.testing.assert_array_equal(np.flatnonzero(lessons.is_defective), [8, 9, 10, 11])
    np.testing.assert_array_equal(np.flatnonzero(lessons.is_surest), [9, 10, 11])
    assert (lessons.defective.sum(axis=1)[8:] == 2).all()
    np.testing.assert_array_equal(folds, deal_folds(lessons.is_defective, 3, 0))


def test_what_images_look_like_teaches_where_suspects_do(study, taught):
    nobody = np.zeros(N, bool)
    drawn = study.take(np.array([10, 11]))
    for is_suspect in (IS_SUSPECT, nobody):
        Learner(QUICK, 0).find_images(study, drawn, PlainNormality(), is_suspect, IS_NORMAL)
    (with_suspects, _), (without, _) = taught
    cells = study.cells(PlainNormality()).with_image_look()
    np.testing.assert_array_equal(with_suspects.cells.context[:N], cells.context)
    np.testing.assert_array_equal(with_suspects.cells.context[N:], cells.context[10:12])
    np.testing.assert_array_equal(with_suspects.cells.evidence[:N], cells.evidence)
    assert without.cells.context is None


def test_places_are_told_by_masks_against_what_they_leave_out_and_not_by_the_image_as_a_whole(
    study, taught
):
    Learner(QUICK, 0).find_places(study, None, PlainNormality(), IS_NORMAL)
    ((lessons, _),) = taught
    cells = study.cells(PlainNormality())
    np.testing.assert_array_equal(lessons.cells.context, cells.in_context().context)
    np.testing.assert_array_equal(lessons.cells.evidence, cells.evidence[:, :, [0, 1, 3, 4]])
    assert lessons.normal[:7].all()
    assert not lessons.normal[7:10].any()  # not presumed normal, and without a mask
    np.testing.assert_array_equal(lessons.normal[10:], [np.arange(N_CELLS) > 2] * 2)
    assert not lessons.defective[:10].any()
    np.testing.assert_array_equal(lessons.defective[10:], [np.arange(N_CELLS) < 2] * 2)


def test_of_simulated_defects_their_cells_alone_teach(study, taught):
    drawn = study.take(np.array([10, 11, 10]))
    Learner(QUICK, 0).find_images(study, drawn, PlainNormality(), IS_SUSPECT, IS_NORMAL)
    Learner(QUICK, 0).find_places(study, drawn, PlainNormality(), IS_NORMAL)
    (images, folds), (places, _) = taught
    assert len(images) == len(places) == len(folds) == N + 3
    assert not images.is_surest[N:].any()
    assert not images.normal[N:].any()
    np.testing.assert_array_equal(images.defective[N:], drawn.marked_cells())
    np.testing.assert_array_equal(places.normal[N:], drawn.bare_cells())


def test_without_labels_suspects_are_surest(study, taught):
    unlabeled = replace(study, codes=np.full(N, -1, np.int8))
    Learner(QUICK, 0).find_images(unlabeled, None, PlainNormality(), IS_SUSPECT, IS_NORMAL)
    np.testing.assert_array_equal(taught[0][0].is_surest, IS_SUSPECT)


def test_logits_are_by_networks_that_have_not_seen_the_image(study):
    learner = Learner(QUICK, 3)
    for found, cells, odd in [
        (
            learner.find_images(study, None, PlainNormality(), IS_SUSPECT, IS_NORMAL),
            study.cells(PlainNormality()).with_image_look(),
            [8, 9, 10, 11],
        ),
        (
            learner.find_places(study, None, PlainNormality(), IS_NORMAL),
            study.cells(PlainNormality()).in_context(),
            [10, 11],
        ),
    ]:
        is_defective = np.isin(np.arange(N), odd)
        folds = deal_folds(is_defective, 3, 3)
        assert found.logits.dtype == np.float32
        np.testing.assert_array_equal(found.logits, found.classifier.left_out_logits(cells, folds))
        assert found.logits[8:, :2].mean() > found.logits[:8].mean() + 2
