from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.evidence.measured_images import FeaturePasses, cover
from defectory.detectors.evidence.normality import Normality
from defectory.domain import Label
from tests.unit.detectors.evidence.fake_features import (
    GRID,
    N_PLACES,
    SHAPE_PX,
    FakeBackbone,
    PlainNormality,
    features,
    known_of,
    learned,
    measurements,
    weights_of,
)

UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)
PARTS = ("places", "patches", "image")


def _mask(h, w, rows, columns):
    mask = np.zeros((h, w), bool)
    mask[rows, columns] = True
    return mask


def _slow_cover(mask, grid):
    found = np.zeros(grid)
    h, w = mask.shape
    for i, j in np.ndindex(grid):
        rows = [y for y in range(h) if y * grid[0] // h == i]
        columns = [x for x in range(w) if x * grid[1] // w == j]
        found[i, j] = mask[np.ix_(rows, columns)].mean()
    return found.ravel()


@pytest.mark.parametrize("grid", [(4, 4), (2, 6)])
@pytest.mark.parametrize("shape", [(40, 40), (40, 64), (37, 50), (6, 6)])
def test_coverage_is_the_share_of_each_place_under_the_mask(shape, grid):
    mask = np.random.default_rng(0).random(shape) < 0.3
    found = cover(mask, grid)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _slow_cover(mask, grid), rtol=1e-6)


@pytest.mark.parametrize("mask", [None, np.zeros((8, 8), bool)])
def test_no_mask_and_an_empty_one_say_nothing(mask):
    found = cover(mask, GRID)
    assert found.shape == (N_PLACES,)
    assert np.isnan(found).all()
    known = known_of([ANOMALOUS], found[None])
    assert not known.has_mask.any()
    assert not known.marked_places().any()
    assert not known.bare_places().any()


def _known_of_mask(mask):
    return known_of([ANOMALOUS], cover(mask, GRID)[None])


def test_places_are_marked_where_enough_is_covered_and_bare_where_nearly_nothing_is():
    """Places of 10 x 10 px: one full, one of 15, one of 14, one of 3 and one of 2 px."""
    mask = _mask(40, 40, slice(0, 10), slice(0, 10))
    for place, n_px in [(1, 15), (2, 14), (3, 3)]:
        at = np.arange(n_px)
        mask[at // 10, 10 * place + at % 10] = True
    mask[39, 38:] = True
    known = _known_of_mask(mask)
    np.testing.assert_array_equal(np.flatnonzero(known.marked_places()), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(known.bare_places()), np.arange(4, N_PLACES))


def test_of_a_thin_mask_the_fullest_places_are_marked():
    """A scratch of 1 px across places of 20 x 20 px covers 5 % of them, and less of the last."""
    known = _known_of_mask(_mask(80, 80, 30, slice(0, 75)))
    np.testing.assert_array_equal(np.flatnonzero(known.marked_places()), [4, 5, 6])
    assert not known.bare_places()[0, 4:8].any()
    assert known.bare_places().sum() == N_PLACES - 4


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([0.02, 0.3, 0.9]), st.integers(4, 28))
def test_a_mask_marks_something_and_what_it_marks_is_fuller_than_what_is_bare(
    seed, density, size_px
):
    mask = np.random.default_rng(seed).random((size_px, size_px)) < density
    mask[0, 0] = True
    known = _known_of_mask(mask)
    assert known.has_mask.all()
    assert known.marked_places().any()
    fullest_bare = known.coverage[known.bare_places()].max(initial=-1)
    assert known.coverage[known.marked_places()].min() > fullest_bare


def test_no_place_is_both_marked_and_bare():
    known = _known_of_mask(_mask(256, 256, 0, slice(0, 4)))
    assert not (known.marked_places() & known.bare_places()).any()


def test_defective_places_are_the_oddest_tenth_of_labeled_defects_and_those_under_masks():
    codes = [ANOMALOUS, ANOMALOUS, UNLABELED, UNLABELED, NORMAL]
    coverage = np.full((5, N_PLACES), np.nan)
    coverage[0] = np.arange(N_PLACES) == 3
    odd = np.zeros((5, N_PLACES))
    odd[:, [5, 9]] = [7, 8]
    known = known_of(codes, coverage, measured=measurements(odd))
    expected = np.zeros((5, N_PLACES), bool)
    expected[0, 3] = True  # by its mask
    expected[:2, 5] = expected[:2, 9] = True  # round(0.1 * 16) = 2 places
    np.testing.assert_array_equal(known.defective_places(PlainNormality()), expected)


def test_images_are_taken_and_joined_with_all_that_is_known_of_them():
    rng = np.random.default_rng(0)
    described = rng.integers(-127, 128, (5, N_PLACES, 3)).astype(np.int8)
    odd = measurements(rng.random((5, N_PLACES)))
    known = known_of(
        [0, 1, -1, 1, 0],
        rng.random((5, N_PLACES)),
        groups=[7, 0, 2, 7, 1],
        measured=odd,
        described=described,
    )
    some = known.take(np.array([3, 0]))
    both = some.join(known.take(np.array([2])))
    assert (len(some), len(both)) == (2, 3)
    assert both.indices.tolist() == [3, 0, 2]
    assert both.codes.tolist() == [ANOMALOUS, NORMAL, UNLABELED]
    assert both.groups.tolist() == [7, 7, 2]
    np.testing.assert_array_equal(both.coverage, known.coverage[[3, 0, 2]])
    np.testing.assert_array_equal(both.described, described[[3, 0, 2]])
    np.testing.assert_array_equal(both.measured.places, odd.places[[3, 0, 2]])


N = 80
LISTED = features(N)
CODES = np.full(N, Label.UNLABELED, np.int8)
CODES[[3, 20, 39]] = Label.ANOMALOUS
CODES[[0, 5]] = Label.NORMAL
ROWS = np.delete(np.arange(N), 1)
"""The second image is not studied; normals are too many for folds."""
MAKE = partial(Normality, SHAPE_PX)
POOL = ROWS[CODES[ROWS] != Label.ANOMALOUS]
ANOMALIES = np.flatnonzero(CODES == Label.ANOMALOUS)


class Masks:
    """Of all images but the 20th; that of image 39 is empty."""

    def __len__(self):
        return N

    def read(self, index):
        mask = np.zeros((32, 32), bool)
        mask[:8, :8] = index != 39
        return None if index == 20 else mask


class Told:
    def __init__(self):
        self.stages, self.steps = [], 0

    def start(self, stage, total):
        self.stages.append((stage, total))

    def advance(self, steps=1):
        self.steps += steps


def _passes(masks=None, groups=None):
    groups = np.arange(N) if groups is None else groups
    return FeaturePasses(FakeBackbone(LISTED), "view", None, CODES, masks, groups, Told())


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "say"])
def fitted(request):
    say = weights_of(len(POOL)) if request.param else None
    passes = _passes(Masks())
    normality = passes.learn(MAKE(), POOL, say, "learning")
    known = passes.measure_left_out(normality, ROWS, say, MAKE)
    return passes, normality, known, say


def test_images_of_the_fit_are_measured_without_what_it_learned_from_them():
    """As a bundle does it, after rounding, whose patches are whose being known."""
    listed = features(80, seed=3)
    rows, codes = np.arange(80), np.zeros(80, np.int8)
    passes = FeaturePasses(FakeBackbone(listed), "view", None, codes, None, rows + 5, Told())
    normality = passes.learn(MAKE(), rows[:70], None, "learning")
    left_out = passes.measure_left_out(normality, rows[:70], None, MAKE).measured
    learned_groups = np.where(rows < 70, rows + 5, -1)
    learned_groups[::2] = -1
    found = passes.measure_new(normality, rows, "scoring", learned_groups).measured
    plain = passes.measure_new(normality, rows, "scoring").measured
    of_fit = np.arange(1, 70, 2)
    others = np.setdiff1d(rows, of_fit)
    for part in PARTS:
        values, expected, own = (getattr(of, part) for of in (found, left_out, plain))
        np.testing.assert_allclose(values[of_fit], expected[of_fit], rtol=0.01)
        assert np.median(own[of_fit]) < 0.97 * np.median(values[of_fit])
        np.testing.assert_array_equal(values[others], own[others])


def test_a_model_learns_from_these_images_alone(fitted):
    passes, normality, _, say = fitted
    twin = learned([LISTED[i] for i in POOL], say)
    assert passes.backbone.read[0] == POOL.tolist()
    np.testing.assert_allclose(normality.variances_, twin.variances_, rtol=1e-4)
    np.testing.assert_allclose(normality.image_.means, twin.image_.means, rtol=1e-4)


def test_images_come_in_the_order_of_the_rows(fitted):
    _, normality, known, _ = fitted
    np.testing.assert_array_equal(known.indices, ROWS)
    np.testing.assert_array_equal(known.codes, CODES[ROWS])
    assert len(known) == len(known.measured) == len(known.described) == N - 1
    for row, index in enumerate(ROWS):
        described = normality.describe(normality.sample([LISTED[index]]))
        np.testing.assert_array_equal(known.described[row], described[0])


def test_anomalies_are_measured_as_new_images_and_others_left_out(fitted):
    _, normality, known, say = fitted
    again = normality.measure(normality.sample([LISTED[i] for i in ANOMALIES]))
    found = known.measured.take(np.flatnonzero(np.isin(ROWS, ANOMALIES)))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(again, part))
    listed = [LISTED[i] for i in POOL]
    fresh = learned(listed, say)
    expected = fresh.measure_left_out(fresh.sample(listed), np.arange(len(POOL)), say)
    found = known.measured.take(np.flatnonzero(np.isin(ROWS, POOL)))
    for part in PARTS:
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), rtol=5e-3)


def test_the_model_is_standardized_on_those_left_out(fitted):
    _, normality, known, say = fitted
    measured = known.measured.take(np.flatnonzero(np.isin(ROWS, POOL)))
    image = None if say is None else say.image
    center = np.average(measured.image, weights=image)
    assert normality.scales_.part[0, 1] == pytest.approx(center, rel=1e-5)


def test_only_labeled_defects_have_a_coverage(fitted):
    _, _, known, _ = fitted
    np.testing.assert_array_equal(np.flatnonzero(known.has_mask), np.flatnonzero(ROWS == 3))
    np.testing.assert_array_equal(known.coverage[ROWS == 3][0], cover(Masks().read(3), GRID))


def test_progress_is_told_of_each_image(fitted):
    passes = fitted[0]
    n_pool, n_anomalies = len(POOL), len(ANOMALIES)
    assert passes.progress.stages == [
        ("learning", n_pool),
        ("scoring images left out", n_pool),
        ("scoring labeled defects", n_anomalies),
    ]
    assert passes.progress.steps == 2 * n_pool + n_anomalies


def test_without_masks_and_anomalies_nothing_is_covered_or_read_twice():
    passes = _passes()
    normality = passes.learn(MAKE(), POOL, None, "learning")
    known = passes.measure_left_out(normality, POOL, None, MAKE)
    assert not known.has_mask.any()
    assert passes.backbone.read == [POOL.tolist(), POOL.tolist()]


def test_a_finished_model_measures_all_images_as_new_ones(fitted):
    normality = fitted[1]
    passes = _passes(Masks())
    known = passes.measure_new(normality, np.arange(N), "scoring")
    assert passes.backbone.read == [list(range(N))]
    np.testing.assert_array_equal(known.indices, np.arange(N))
    np.testing.assert_array_equal(known.codes, CODES)
    for index in (0, 3, 17, N - 1):  # of several batches
        samples = normality.sample([LISTED[index]])
        again = normality.measure(samples)
        np.testing.assert_array_equal(known.measured.patches[index], again.patches[0])
        np.testing.assert_array_equal(known.measured.places[index], again.places[0])
        np.testing.assert_array_equal(known.described[index], normality.describe(samples)[0])
    np.testing.assert_array_equal(np.flatnonzero(known.has_mask), [3])


def test_a_finished_model_learns_from_a_few_more(fitted):
    normality, passes = fitted[1], _passes()
    some = np.array([3, 20])
    found = passes.absorb(normality, some, some + 100)
    assert passes.backbone.read == [[3, 20]]
    samples = normality.sample([LISTED[i] for i in some])
    assert (found.measure(samples).places < normality.measure(samples).places).all()
    assert passes.absorb(normality, some[:0], some[:0]) is normality


FEW = np.setdiff1d(POOL[:23], [7])


@pytest.mark.parametrize("rows", [FEW, FEW[:3]])
@pytest.mark.parametrize("has_say", [False, True])
def test_few_images_are_measured_by_models_fitted_without_their_fold(rows, has_say):
    n, passes = len(rows), _passes()
    say = weights_of(n) if has_say else None
    normality = passes.learn(MAKE(), rows, say, "learning")
    known = passes.measure_left_out(normality, rows, say, MAKE)
    np.testing.assert_array_equal(known.indices, rows)
    learned_from, tested = passes.backbone.read[1:-1:2], passes.backbone.read[2:-1:2]
    assert len(tested) == min(5, n)
    assert sorted(index for fold in tested for index in fold) == rows.tolist()
    sizes = [len(fold) for fold in tested]
    assert max(sizes) - min(sizes) <= 1
    for others, fold in zip(learned_from, tested, strict=True):
        assert sorted([*others, *fold]) == rows.tolist()
        own = np.isin(rows, fold)
        twin = learned(
            [LISTED[i] for i in others], None if say is None else say.take(np.flatnonzero(~own))
        )
        twin.round()
        again = twin.measure(twin.sample([LISTED[i] for i in rows[own]]))
        found = known.measured.take(np.flatnonzero(own))
        for part in PARTS:
            np.testing.assert_array_equal(getattr(found, part), getattr(again, part))
    described = normality.describe(normality.sample([LISTED[i] for i in rows]))
    np.testing.assert_array_equal(known.described, described)
    image = None if say is None else say.image
    center = np.average(known.measured.image, weights=image)
    assert normality.scales_.part[0, 1] == pytest.approx(center, rel=1e-5)


GROUPS = np.random.default_rng(0).permutation(np.arange(N) // 3)
"""Three images each, scattered."""


@pytest.mark.parametrize("has_say", [False, True])
def test_images_of_a_group_are_left_out_together_in_the_order_of_the_rows(has_say):
    say = weights_of(len(POOL)) if has_say else None
    passes = _passes(groups=GROUPS)
    normality = passes.learn(MAKE(), POOL, say, "learning")
    known = passes.measure_left_out(normality, ROWS, say, MAKE)
    np.testing.assert_array_equal(known.indices, ROWS)
    np.testing.assert_array_equal(known.groups, GROUPS[ROWS])
    assert sorted(passes.backbone.read[1]) == POOL.tolist()
    listed = [LISTED[i] for i in POOL]
    fresh = learned(listed, say, groups=GROUPS[POOL])
    samples = fresh.sample(listed)
    expected = fresh.measure_left_out(samples, GROUPS[POOL], say)
    found = known.measured.take(np.flatnonzero(np.isin(ROWS, POOL)))
    for part in PARTS:
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), rtol=5e-3)
    described = normality.describe(normality.sample([LISTED[i] for i in ROWS]))
    np.testing.assert_array_equal(known.described, described)


@pytest.mark.parametrize(
    ("rows", "groups"),
    [(FEW, GROUPS), (FEW, np.arange(N) // 12), (POOL, np.minimum(np.arange(N), 40) // 20)],
    ids=["few normals", "two groups", "a large group"],
)
def test_no_group_is_parted_among_folds(rows, groups):
    passes = _passes(groups=groups)
    known = passes.measure_left_out(passes.learn(MAKE(), rows, None, "learning"), rows, None, MAKE)
    np.testing.assert_array_equal(known.indices, rows)
    learned_from, tested = passes.backbone.read[1:-1:2], passes.backbone.read[2:-1:2]
    assert len(tested) == min(5, len(np.unique(groups[rows])))
    assert sorted(index for fold in tested for index in fold) == rows.tolist()
    for others, fold in zip(learned_from, tested, strict=True):
        assert others
        assert not set(groups[others]) & set(groups[fold])
        assert sorted([*others, *fold]) == rows.tolist()


def test_folds_are_drawn_at_random():
    passes = _passes()
    normality = passes.learn(MAKE(), FEW, None, "learning")
    passes.measure_left_out(normality, FEW, None, MAKE)
    assert any(
        np.diff(np.searchsorted(FEW, fold)).min() < 5 for fold in passes.backbone.read[2:-1:2]
    )


def test_labeled_defects_beside_few_normals_are_measured_as_new_images():
    rows, passes = np.array([2, 3, 4, 6, 20]), _passes(Masks())
    normality = passes.learn(MAKE(), rows[[0, 2, 3]], None, "learning")
    known = passes.measure_left_out(normality, rows, None, MAKE)
    np.testing.assert_array_equal(known.indices, rows)
    again = normality.measure(normality.sample([LISTED[3], LISTED[20]]))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(known.measured, part)[[1, 4]], getattr(again, part))
    np.testing.assert_array_equal(known.has_mask, rows == 3)
