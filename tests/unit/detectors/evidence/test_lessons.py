"""What batches are drawn of: each cell of these lessons says where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defectory.detectors.evidence.cells import Cells
from defectory.detectors.evidence.lessons import Draw, Lessons

N, P = 8, 20
MANY = 4000


def _lessons(normal, defective, is_confirmed=()):
    """Lessons of whole images or cells (i, j); the rows that are drawn read (i, j)."""
    n, p = N, P
    cells = np.stack(np.meshgrid(np.arange(n), np.arange(p), indexing="ij"), axis=2)
    flags = [np.zeros((n, p), bool) for _ in range(2)]
    for flag, places in zip(flags, (normal, defective), strict=True):
        for place in places:
            flag[place] = True
    confirmed = np.isin(np.arange(n), list(is_confirmed))
    nothing = np.zeros((n, p, 0), np.int8)
    return Lessons(Cells(nothing, cells.astype(np.float32)), confirmed, *flags)


def _drawn(lessons, n=MANY, *, taught=range(N), least_sure=0.5, seed=0):
    """Return (n, 2) places of the normal cells drawn, and of the defective ones."""
    is_taught = np.isin(np.arange(N), list(taught))
    draw = Draw(lessons, is_taught, least_sure, np.random.default_rng(seed))
    rows, is_defective = draw.batch(n)
    assert rows.dtype == np.float32
    assert rows.shape == (n, 2)
    return rows[~is_defective].astype(int), rows[is_defective].astype(int)


def _check_share(found, expected):
    """Within five standard errors of drawing `found` by chance."""
    error = 5 * np.sqrt(expected * (1 - expected) / len(found))
    assert found.mean() == pytest.approx(expected, abs=error)


def test_lessons_know_their_defective_images():
    lessons = _lessons([0, 1], [(2, 5), 4])
    assert len(lessons) == N
    np.testing.assert_array_equal(np.flatnonzero(lessons.is_defective), [2, 4])


@pytest.mark.parametrize(("n", "n_defective"), [(10, 5), (11, 5), (2, 1)])
def test_half_of_a_batch_is_defective(n, n_defective):
    good, bad = _drawn(_lessons([0, 1, 2], [(4, 3), 5]), n)
    assert (len(good), len(bad)) == (n - n_defective, n_defective)
    assert set(good[:, 0]) <= {0, 1, 2}
    assert {tuple(place) for place in bad} <= {(4, 3), *((5, j) for j in range(P))}


def test_images_have_the_same_chance_however_large_their_defect():
    _, bad = _drawn(_lessons([0], [(4, 3), 5]))
    _check_share(bad[:, 0] == 4, 0.5)


def test_images_have_the_same_chance_however_many_cells_are_normal():
    good, _ = _drawn(_lessons([0, (1, 7)], [5]))
    _check_share(good[:, 0] == 1, 0.5)


def test_allowed_cells_of_an_image_have_the_same_chance():
    _, bad = _drawn(_lessons([0], [(4, 0), (4, 3), (4, 11), (4, P - 1)]))
    for cell in (0, 3, 11, P - 1):
        _check_share(bad[:, 1] == cell, 0.25)


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("confirmed", [[7], [4, 7], [4, 5, 6, 7]])
def test_the_more_are_confirmed_the_larger_their_least_share_of_the_defective_half(
    share, confirmed
):
    """Beside the share that is set aside for n confirmed of 5, n / (n + 4) of it, all may be drawn."""
    _, bad = _drawn(_lessons([0], [3, 4, 5, 6, 7], confirmed), least_sure=share)
    is_confirmed = np.isin(bad[:, 0], confirmed)
    n = len(confirmed)
    n_set_aside = round(share * n / (n + 4) * len(bad))
    assert is_confirmed[:n_set_aside].all()
    _check_share(is_confirmed[n_set_aside:], n / 5)


def test_without_a_least_share_confirmed_images_are_drawn_like_others():
    _, bad = _drawn(_lessons([0], [3, 4, 5, 6, 7], [7]), least_sure=0.0)
    _check_share(bad[:, 0] == 7, 0.2)


def test_confirmed_images_count_only_where_they_are_defective_and_taught():
    lessons = _lessons([0, 1], [5, 6, 7], [1, 7])
    _, bad = _drawn(lessons, taught=range(7), least_sure=1.0)
    _check_share(bad[:, 0] == 5, 0.5)
    assert set(bad[:, 0]) == {5, 6}


def test_half_of_the_normal_cells_are_those_around_defects():
    around = [(6, slice(4, P)), (7, slice(4, P))]
    good, bad = _drawn(_lessons([0, 1, 2, *around], [(6, slice(4)), (7, slice(4))]))
    is_around = good[:, 0] >= 6
    assert is_around.mean() == 0.5
    assert good[is_around][:, 1].min() == 4
    assert bad[:, 1].max() == 3
    _check_share(good[is_around][:, 0] == 7, 0.5)


def test_normal_cells_around_defects_are_enough():
    good, _ = _drawn(_lessons([(7, slice(4, P))], [(7, slice(4))]))
    assert set(good[:, 0]) == {7}


@settings(max_examples=60)
@given(st.data())
def test_no_image_is_drawn_that_is_not_taught(data):
    codes = data.draw(
        st.lists(st.sampled_from(["good", "bad", "both"]), min_size=N - 2, max_size=N - 2)
    )
    codes += ["good", "bad"]
    taught = data.draw(st.sets(st.integers(0, N - 3))) | {N - 2, N - 1}
    good = [(i, slice(6, P)) for i in range(N) if codes[i] != "bad"]
    bad = [(i, slice(6)) for i in range(N) if codes[i] != "good"]
    confirmed = data.draw(st.sets(st.integers(0, N - 1)))
    lessons = _lessons(good, bad, confirmed)
    places = _drawn(lessons, 64, taught=taught, seed=data.draw(st.integers(0, 99)))
    for drawn, allowed in zip(places, (lessons.normal, lessons.defective), strict=True):
        assert set(drawn[:, 0]) <= taught
        assert allowed[drawn[:, 0], drawn[:, 1]].all()


def test_where_no_defective_image_is_left_all_may_be_drawn():
    _, bad = _drawn(_lessons([0, 1], [6, 7], [6, 7]), taught=range(6))
    assert set(bad[:, 0]) == {6, 7}


def test_the_same_seed_draws_the_same():
    lessons = _lessons([0, 1, 2], [5, 6, 7], [7])
    first, again, other = (np.concatenate(_drawn(lessons, 50, seed=s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
