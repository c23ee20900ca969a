import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.evidence.normality import STEP
from defectory.detectors.evidence.training_set import (
    N_DISTANCES,
    BatchSampler,
    PlaceRows,
    PlaceTrainingSet,
    _mean_of_neighbors,
    distance_columns,
)
from defectory.domain import Label
from tests.unit.detectors.evidence.fake_features import (
    GRID,
    N_PLACES,
    PlainNormality,
    features,
    known_of,
    measurements,
    standardized,
)

LISTED = features(60)
W = 6


def _places(n=3, seed=4):
    rng = np.random.default_rng(seed)
    described = rng.integers(-127, 128, (n, N_PLACES, W)).astype(np.int8)
    return PlaceRows(described, rng.normal(size=(n, N_PLACES, N_DISTANCES)).astype(np.float32))


def _all_rows(places):
    """Return (n, p, d), every row there is."""
    n, p = places.described.shape[:2]
    return places.rows(*np.divmod(np.arange(n * p), p)).reshape(n, p, -1)


@pytest.mark.parametrize("grid", [(4, 4), (2, 8), (1, 16)])
def test_neighbors_are_averaged_with_edges_repeated(grid):
    values = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    found = _mean_of_neighbors(values, grid)
    rows, columns = grid
    for n in range(3):
        one = values[n].reshape(grid)
        for at, (y, x) in enumerate(np.ndindex(grid)):
            near = [
                one[np.clip(y + dy, 0, rows - 1), np.clip(x + dx, 0, columns - 1)]
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
            ]
            assert found[n, at] == pytest.approx(np.mean(near), abs=1e-6)


def test_distances_are_what_the_normality_model_says():
    normality, measured = standardized(LISTED)
    found = distance_columns(normality, measured)
    assert found.shape == (60, N_PLACES, N_DISTANCES)
    assert found.dtype == np.float32
    z = normality.standardized_places(measured)
    whole = np.tile(z.mean(axis=1, keepdims=True), N_PLACES)
    parts = [
        *normality.standardized_parts(measured),
        _mean_of_neighbors(z, GRID),
        whole,
        normality.highest_of_map(measured),
    ]
    np.testing.assert_allclose(found, 3 * np.stack(parts, axis=2), rtol=1e-5)


def test_distances_of_an_image_do_not_depend_on_the_others():
    normality, measured = standardized(LISTED)
    alone = [distance_columns(normality, measured.take(np.array([i]))) for i in range(60)]
    np.testing.assert_array_equal(np.concatenate(alone), distance_columns(normality, measured))


def test_distances_have_a_limit():
    odd = np.zeros((1, N_PLACES))
    odd[0, :2] = [1e6, -1e6]
    found = distance_columns(PlainNormality(), measurements(odd))
    np.testing.assert_array_equal(found[0, :3, 0], [120, -120, 0])
    assert np.abs(found).max() == 120


def test_a_row_is_components_and_distances():
    places = _places()
    found = places.rows(np.array([2, 0, 2]), np.array([5, 1, 5]))
    assert (found.shape, found.dtype) == ((3, places.n_columns), np.float32)
    assert places.n_columns == W + N_DISTANCES
    components = STEP * places.described[[2, 0, 2], [5, 1, 5]]
    np.testing.assert_allclose(found[:, :W], components, rtol=1e-6)
    np.testing.assert_array_equal(found[:, W:], places.distances[[2, 0, 2], [5, 1, 5]])


def test_places_in_context_know_their_image_but_not_how_odd_it_is():
    places = _places()
    found, plain = _all_rows(places.in_context()), _all_rows(places)
    assert places.in_context().n_columns == found.shape[2] == 2 * W + N_DISTANCES - 1
    np.testing.assert_array_equal(found[:, :, :W], plain[:, :, :W])
    for place in (0, N_PLACES - 1):
        np.testing.assert_allclose(
            found[:, place, W : 2 * W], plain[:, :, :W].mean(axis=1), rtol=1e-5, atol=1e-5
        )
    kept = [W, W + 1, W + 2, W + 4]
    np.testing.assert_array_equal(found[:, :, 2 * W :], plain[:, :, kept])


@pytest.mark.parametrize("see", [lambda places: places, PlaceRows.in_context])
def test_products_are_those_of_the_rows(see):
    places = see(_places())
    weights = np.random.default_rng(1).normal(size=(places.n_columns, 7)).astype(np.float32)
    for image, rows in enumerate(_all_rows(places)):
        np.testing.assert_allclose(
            places.products(image, weights), rows @ weights, rtol=1e-4, atol=1e-4
        )


UNLABELED, NORMAL, ANOMALOUS = (
    int(code) for code in (Label.UNLABELED, Label.NORMAL, Label.ANOMALOUS)
)
CODES = [NORMAL] * 2 + [UNLABELED] * 3 + [ANOMALOUS] * 3


@pytest.fixture
def known():
    """The first two places are odd in the last four images; the last two have masks."""
    odd = np.random.default_rng(0).normal(size=(8, N_PLACES))
    odd[4:, :2] += 9
    coverage = np.full((8, N_PLACES), np.nan)
    coverage[6:] = np.arange(N_PLACES) == 2
    coverage[6:, 3] = 0.1
    return known_of(CODES, coverage, measured=measurements(odd))


def test_images_are_told_by_labeled_defects_against_normal_images(known):
    is_normal = np.arange(8) < 4
    found = PlaceTrainingSet.for_images(known, PlainNormality(), is_normal)
    assert len(found) == 8
    assert found.places.context is None
    np.testing.assert_array_equal(found.normal, np.repeat(is_normal[:, None], N_PLACES, axis=1))
    np.testing.assert_array_equal(np.flatnonzero(found.is_defective), [5, 6, 7])
    np.testing.assert_array_equal(found.defective, known.defective_places(PlainNormality()))
    np.testing.assert_array_equal(np.flatnonzero(found.defective[5]), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(found.defective[6]), [0, 1, 2])
    expected = distance_columns(PlainNormality(), known.measured)
    np.testing.assert_array_equal(found.places.distances, expected)


def test_places_are_told_by_masks_against_what_they_leave_out_and_not_by_the_image_as_a_whole(
    known,
):
    found = PlaceTrainingSet.for_maps(known, PlainNormality(), np.arange(8) < 4)
    assert found.places.context is not None
    assert found.places.distances.shape[2] == N_DISTANCES - 1
    assert found.normal[:4].all()
    assert not found.normal[4:6].any()  # not presumed normal, and without a mask
    is_bare = ~np.isin(np.arange(N_PLACES), [2, 3])
    np.testing.assert_array_equal(found.normal[6:], [is_bare] * 2)
    assert not found.defective[:6].any()
    np.testing.assert_array_equal(found.defective[6:], [np.arange(N_PLACES) == 2] * 2)


N, P = 8, 20
MANY = 4000


def _told(normal, defective):
    """Return what is told of whole images or places (i, j); the rows that are drawn read (i, j)."""
    where = np.stack(np.meshgrid(np.arange(N), np.arange(P), indexing="ij"), axis=2)
    flags = [np.zeros((N, P), bool) for _ in range(2)]
    for flag, places in zip(flags, (normal, defective), strict=True):
        for place in places:
            flag[place] = True
    nothing = np.zeros((N, P, 0), np.int8)
    return PlaceTrainingSet(PlaceRows(nothing, where.astype(np.float32)), *flags, np.arange(N))


def _drawn(told, n=MANY, *, taught=range(N), seed=0):
    """Return (n, 2) the normal places drawn, and the defective ones."""
    is_taught = np.isin(np.arange(N), list(taught))
    rows, is_defective = BatchSampler(told, is_taught, np.random.default_rng(seed)).batch(n)
    assert rows.dtype == np.float32
    assert rows.shape == (n, 2)
    return rows[~is_defective].astype(int), rows[is_defective].astype(int)


def _check_share(found, expected):
    """Within five standard errors of drawing `found` by chance."""
    error = 5 * np.sqrt(expected * (1 - expected) / len(found))
    assert found.mean() == pytest.approx(expected, abs=error)


@pytest.mark.parametrize(("n", "n_defective"), [(10, 5), (11, 5), (2, 1)])
def test_half_of_a_batch_is_defective(n, n_defective):
    good, bad = _drawn(_told([0, 1, 2], [(4, 3), 5]), n)
    assert (len(good), len(bad)) == (n - n_defective, n_defective)
    assert set(good[:, 0]) <= {0, 1, 2}
    assert {tuple(place) for place in bad} <= {(4, 3), *((5, j) for j in range(P))}


def test_images_have_the_same_chance_however_large_their_defect():
    _, bad = _drawn(_told([0], [(4, 3), 5]))
    _check_share(bad[:, 0] == 4, 0.5)


def test_images_have_the_same_chance_however_many_places_are_normal():
    good, _ = _drawn(_told([0, (1, 7)], [5]))
    _check_share(good[:, 0] == 1, 0.5)


def test_allowed_places_of_an_image_have_the_same_chance():
    _, bad = _drawn(_told([0], [(4, 0), (4, 3), (4, 11), (4, P - 1)]))
    for place in (0, 3, 11, P - 1):
        _check_share(bad[:, 1] == place, 0.25)


def test_half_of_the_normal_places_are_those_around_defects():
    around = [(6, slice(4, P)), (7, slice(4, P))]
    good, bad = _drawn(_told([0, 1, 2, *around], [(6, slice(4)), (7, slice(4))]))
    is_around = good[:, 0] >= 6
    assert is_around.mean() == 0.5
    assert good[is_around][:, 1].min() == 4
    assert bad[:, 1].max() == 3
    _check_share(good[is_around][:, 0] == 7, 0.5)


def test_normal_places_around_defects_are_enough():
    good, _ = _drawn(_told([(7, slice(4, P))], [(7, slice(4))]))
    assert set(good[:, 0]) == {7}


@settings(max_examples=60)
@given(st.data())
def test_no_image_is_drawn_that_is_not_taught(data):
    kinds = st.sampled_from(["good", "bad", "both"])
    codes = [*data.draw(st.lists(kinds, min_size=N - 2, max_size=N - 2)), "good", "bad"]
    taught = data.draw(st.sets(st.integers(0, N - 3))) | {N - 2, N - 1}
    good = [(i, slice(6, P)) for i in range(N) if codes[i] != "bad"]
    bad = [(i, slice(6)) for i in range(N) if codes[i] != "good"]
    told = _told(good, bad)
    places = _drawn(told, 64, taught=taught, seed=data.draw(st.integers(0, 99)))
    for drawn, allowed in zip(places, (told.normal, told.defective), strict=True):
        assert set(drawn[:, 0]) <= taught
        assert allowed[drawn[:, 0], drawn[:, 1]].all()


def test_where_no_defective_image_is_left_all_may_be_drawn():
    _, bad = _drawn(_told([0, 1], [6, 7]), taught=range(6))
    assert set(bad[:, 0]) == {6, 7}


def test_the_same_seed_draws_the_same():
    told = _told([0, 1, 2], [5, 6, 7])
    first, again, other = (np.concatenate(_drawn(told, 50, seed=s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
