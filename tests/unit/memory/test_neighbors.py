"""Edges of the index; that its distances are right is tests/reference/test_memory_twins.py."""

import numpy as np
import pytest

from defectory.domain import ParameterError
from defectory.memory import NeighborIndex

BANK = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def test_a_row_of_the_bank_is_at_distance_zero():
    assert NeighborIndex(BANK).distances(BANK).max() == 0


def test_small_distances_are_not_rounded_away():
    """Of rows a hundred thousand times as long, in single precision."""
    bank = 1000 * BANK
    step = np.float32(2**-6)  # exact, also on top of the rows
    found = NeighborIndex(bank - bank.mean(axis=0)).distances(bank - bank.mean(axis=0) + step)
    np.testing.assert_allclose(found, step * np.sqrt(3), rtol=5e-3)


def test_no_queries_give_no_distances():
    assert NeighborIndex(BANK).distances(BANK[:0], 2).shape == (0, 2)


def test_the_bank_is_kept_as_it_was_given():
    np.testing.assert_array_equal(NeighborIndex(BANK[::2]).bank, BANK[::2])
    assert NeighborIndex(np.asfortranarray(BANK)).bank.flags.c_contiguous


@pytest.mark.parametrize("k", [1, 2])
def test_left_out_rows_count_for_nothing(k):
    without = np.array([True, False, True, True, True, True])
    found = NeighborIndex(BANK).distances(BANK[:1], k, without=without)[0]
    assert found[0] == pytest.approx(np.linalg.norm(BANK[0] - BANK[1]), rel=1e-5)
    assert np.isinf(found[1:]).all()


def test_queries_and_bank_stay_as_they_are():
    queries, bank = BANK + 1, BANK.copy()
    before = queries.copy()
    NeighborIndex(bank).distances(queries, 3, without=np.arange(6) == 2)
    np.testing.assert_array_equal(queries, before)
    np.testing.assert_array_equal(bank, BANK)


@pytest.mark.parametrize("k", [0, -1, 7])
def test_the_neighbors_must_be_there(k):
    with pytest.raises(ParameterError, match=f"n_neighbors is {k}; the bank has 6 rows"):
        NeighborIndex(BANK).distances(BANK, k)


@pytest.mark.parametrize("bank", [BANK[:0], BANK[0]])
def test_an_empty_or_flat_bank_is_refused(bank):
    with pytest.raises(ParameterError, match="holds nothing to compare with"):
        NeighborIndex(bank)
