import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.evidence.cells import evidence_of
from defectory.detectors.evidence.study import Study, cover
from defectory.domain import Label
from tests.unit.detectors.evidence.fake_features import (
    N_CELLS,
    SIDE,
    PlainNormality,
    features,
    measurements,
    standardized,
    study_of,
)

UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)


def _mask(h, w, rows, columns):
    mask = np.zeros((h, w), bool)
    mask[rows, columns] = True
    return mask


def _slow_cover(mask, side):
    found = np.zeros((side, side))
    h, w = mask.shape
    for i in range(side):
        for j in range(side):
            rows = [y for y in range(h) if y * side // h == i]
            columns = [x for x in range(w) if x * side // w == j]
            found[i, j] = mask[np.ix_(rows, columns)].mean()
    return found.ravel()


@pytest.mark.parametrize("shape", [(40, 40), (40, 64), (37, 50), (4, 4)])
def test_coverage_is_the_share_of_each_cell_under_the_mask(shape):
    mask = np.random.default_rng(0).random(shape) < 0.3
    found = cover(mask, SIDE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _slow_cover(mask, SIDE), rtol=1e-6)


@pytest.mark.parametrize("mask", [None, np.zeros((8, 8), bool)])
def test_no_mask_and_an_empty_one_say_nothing(mask):
    found = cover(mask, SIDE)
    assert found.shape == (N_CELLS,)
    assert np.isnan(found).all()
    study = study_of([ANOMALOUS], found[None])
    assert not study.has_mask.any()
    assert not study.marked_cells().any()
    assert not study.bare_cells().any()


def _study_of_mask(mask):
    return study_of([ANOMALOUS], cover(mask, SIDE)[None])


def test_cells_are_marked_where_enough_of_them_is_covered_and_bare_where_nearly_nothing_is():
    """Cells of 10 x 10 px: one full, one of 15, one of 14, one of 3 and one of 2 px."""
    mask = _mask(40, 40, slice(0, 10), slice(0, 10))
    for cell, n_px in [(1, 15), (2, 14), (3, 3)]:
        at = np.arange(n_px)
        mask[at // 10, 10 * cell + at % 10] = True
    mask[39, 38:] = True
    study = _study_of_mask(mask)
    np.testing.assert_array_equal(np.flatnonzero(study.marked_cells()), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(study.bare_cells()), np.arange(4, N_CELLS))


def test_of_a_thin_mask_the_fullest_cells_are_marked():
    """A scratch of 1 px across cells of 20 x 20 px covers 5 % of them, and less of the last."""
    study = _study_of_mask(_mask(80, 80, 30, slice(0, 75)))
    np.testing.assert_array_equal(np.flatnonzero(study.marked_cells()), [4, 5, 6])
    assert not study.bare_cells()[0, 4:8].any()
    assert study.bare_cells().sum() == N_CELLS - 4


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([0.02, 0.3, 0.9]), st.integers(4, 28))
def test_a_mask_marks_something_and_what_it_marks_is_fuller_than_what_is_bare(
    seed, density, size_px
):
    mask = np.random.default_rng(seed).random((size_px, size_px)) < density
    mask[0, 0] = True
    study = _study_of_mask(mask)
    assert study.has_mask.all()
    assert study.marked_cells().any()
    fullest_bare = study.coverage[study.bare_cells()].max(initial=-1)
    assert study.coverage[study.marked_cells()].min() > fullest_bare


def test_no_cell_is_both_marked_and_bare():
    study = _study_of_mask(_mask(256, 256, 0, slice(0, 4)))
    assert not (study.marked_cells() & study.bare_cells()).any()


def test_defective_cells_are_the_oddest_tenth_and_those_under_masks():
    codes = [ANOMALOUS, ANOMALOUS, UNLABELED, UNLABELED, NORMAL]
    coverage = np.full((5, N_CELLS), np.nan)
    coverage[0] = np.arange(N_CELLS) == 3
    odd = np.zeros((5, N_CELLS))
    odd[:, [5, 9]] = [7, 8]
    study = study_of(codes, coverage, measured=measurements(odd))
    is_suspect = np.array([False, False, True, False, False])
    found = study.defective_cells(PlainNormality(), is_suspect)
    expected = np.zeros((5, N_CELLS), bool)
    expected[0, 3] = True  # by its mask
    expected[:3, 5] = expected[:3, 9] = True  # round(0.1 * 16) = 2 cells
    np.testing.assert_array_equal(found, expected)


def test_images_are_taken_and_joined_with_all_that_is_known_of_them():
    rng = np.random.default_rng(0)
    described = rng.integers(-127, 128, (5, N_CELLS, 3)).astype(np.int8)
    odd = measurements(rng.random((5, N_CELLS)))
    study = study_of([0, 1, -1, 1, 0], rng.random((5, N_CELLS)), measured=odd, described=described)
    some = study.take(np.array([3, 0]))
    assert some.indices.tolist() == [3, 0]
    assert some.codes.tolist() == [ANOMALOUS, NORMAL]
    np.testing.assert_array_equal(some.coverage, study.coverage[[3, 0]])
    np.testing.assert_array_equal(some.described, described[[3, 0]])
    np.testing.assert_array_equal(some.measured.cells, odd.cells[:, [3, 0]])
    both = some.join(study.take(np.array([2])))
    assert both.indices.tolist() == [3, 0, 2]
    assert both.codes.tolist() == [ANOMALOUS, NORMAL, UNLABELED]
    np.testing.assert_array_equal(both.coverage, study.coverage[[3, 0, 2]])
    np.testing.assert_array_equal(both.described, described[[3, 0, 2]])
    np.testing.assert_array_equal(both.measured.cells, odd.cells[:, [3, 0, 2]])


def test_a_cell_is_seen_with_its_evidence():
    listed = features(20)
    normality, measured = standardized(listed)
    described = np.random.default_rng(0).integers(-127, 128, (20, N_CELLS, 3)).astype(np.int8)
    study = study_of([UNLABELED] * 20, measured=measured, described=described)
    found = study.cells(normality)
    assert isinstance(study, Study)
    assert len(study) == len(found) == 20
    np.testing.assert_array_equal(found.described, described)
    np.testing.assert_array_equal(found.evidence, evidence_of(normality, measured))
