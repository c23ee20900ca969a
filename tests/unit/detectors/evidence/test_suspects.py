import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from defectory.detectors.evidence.suspects import (
    ViewDeviations,
    list_suspects,
    robust_deviations,
    weigh,
)
from defectory.domain import Label

N, P = 7, 5
FEW = settings(max_examples=60)
DEVIATIONS = arrays(np.float32, N, elements=st.floats(-50, 50, width=32))
PLACES = arrays(np.float32, (N, P), elements=st.floats(-50, 50, width=32))
CODES = arrays(np.int8, N, elements=st.sampled_from([int(code) for code in Label]))
NAMES = ("its places", "the whole", "what was learned")


def test_deviations_are_those_of_a_normal_bulk():
    values = np.random.default_rng(0).normal(5, 3, 20_000).astype(np.float32)
    found = robust_deviations(values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (values - 5) / 3, atol=0.1)


def test_a_tail_does_not_move_deviations():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    spoiled = values.copy()
    is_tail = values > np.quantile(values, 0.8)
    spoiled[is_tail] += 1e6
    np.testing.assert_array_equal(
        robust_deviations(values)[~is_tail], robust_deviations(spoiled)[~is_tail]
    )


def test_a_bulk_without_spread_gives_finite_deviations():
    found = robust_deviations(np.array([2] * 9 + [3], np.float32))
    assert (found[:9] == 0).all()
    assert np.isfinite(found).all()
    assert found[9] > 1e3


@FEW
@given(DEVIATIONS, PLACES, CODES)
def test_say_is_a_share_and_confirmed_normals_keep_all_of_it(deviations, places, codes):
    before = deviations.copy(), places.copy()
    say = weigh(deviations, places, codes)
    assert say.places.shape == (N, P)
    assert say.places.dtype == say.image.dtype == np.float32
    for found in (say.image, say.places):
        assert (found > 0).all()
        assert (found <= 1).all()
    assert (say.places <= say.image[:, None]).all()
    is_confirmed = codes == Label.NORMAL
    assert (say.image[is_confirmed] == 1).all()
    assert (say.places[is_confirmed] == 1).all()
    np.testing.assert_array_equal(deviations, before[0])
    np.testing.assert_array_equal(places, before[1])


@FEW
@given(DEVIATIONS, PLACES, CODES, st.integers(0, N - 1), st.floats(0, 50, width=32))
def test_the_odder_the_less_say_and_only_for_what_is_odder(deviations, places, codes, row, more):
    before = weigh(deviations, places, codes)
    odder, odder_places = deviations.copy(), places.copy()
    odder[row] += np.float32(more)
    odder_places[row, 0] += np.float32(more)
    after = weigh(odder, odder_places, codes)
    assert (after.image <= before.image).all()
    assert (after.places <= before.places).all()
    others = np.arange(N) != row
    np.testing.assert_array_equal(after.image[others], before.image[others])
    np.testing.assert_array_equal(after.places[others], before.places[others])


def test_half_the_say_is_left_where_it_should_be():
    deviations = np.array([-9, 0, 2, 6], np.float32)
    places = np.array([[-9, 0, 4]] * 4, np.float32)
    say = weigh(deviations, places, np.full(4, Label.UNLABELED, np.int8))
    np.testing.assert_allclose(say.image, [1, 1, 0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(say.places, np.outer(say.image, [1, 1, 0.5]), rtol=1e-6)


def _opinions(*columns):
    return ViewDeviations(NAMES, np.array(columns, np.float32).T)


def test_images_with_little_say_are_listed_oddest_first():
    scores = np.array([1, 9, 3, 7, 5], np.float32)
    say = np.array([0.9, 0.05, 0.29, 0.3, 0.1], np.float32)
    found = list_suspects(
        np.array([10, 20, 30, 40, 50]), scores, say, _opinions(*[[3, 0, 0]] * 5), 2
    )
    assert [suspect.index for suspect in found] == [20, 50, 30]
    assert [suspect.score for suspect in found] == [9, 5, 3]
    np.testing.assert_allclose([suspect.weight for suspect in found], [0.05, 0.1, 0.29], rtol=1e-6)
    assert {suspect.round for suspect in found} == {2}
    assert all(type(suspect.index) is int for suspect in found)


@pytest.mark.parametrize(
    ("deviations", "by", "strongest"),
    [
        ([2.6, 2.4, 9.75], f"{NAMES[0]} and {NAMES[2]}", "9.8"),
        ([3.1, 0.0, -1.0], NAMES[0], "3.1"),
        ([1.0, 2.5, 2.0], "none of its views alone", "2.5"),
    ],
)
def test_the_reason_names_who_votes_and_how_odd_it_is(deviations, by, strongest):
    one = np.ones(1, np.float32)
    (found,) = list_suspects(np.arange(1), one, 0 * one, _opinions(deviations), 1)
    assert found.reason == f"odd by {by}: up to {strongest} deviations above what is usual here"
    assert found.votes == sum(value > 2.5 for value in deviations)
    assert found.n_votes == 3


def test_nobody_is_suspected_where_all_have_their_say():
    ones = np.ones(3, np.float32)
    assert list_suspects(np.arange(3), ones, ones, _opinions(*[[9, 9, 9]] * 3), 1) == ()
