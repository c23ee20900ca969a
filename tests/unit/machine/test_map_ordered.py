"""Laws of map_ordered: it is map(), but bounded, lazy and on several threads."""

import itertools
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.machine import at_most_cores, at_most_readers, count_readers, map_ordered


@given(st.lists(st.integers()), st.integers(1, 5))
def test_it_equals_map(items, n_threads):
    assert list(map_ordered(lambda x: x * 2, items, n_threads)) == [x * 2 for x in items]


def test_order_is_kept_when_later_items_are_done_first():
    def work(i):
        time.sleep(0.02 if i % 2 == 0 else 0)
        return i

    assert list(map_ordered(work, range(12), 4)) == list(range(12))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_first_error_comes_where_its_result_would_have(n_threads):
    def work(i):
        if i in (4, 5):
            raise OSError(f"item {i}")
        return i

    results = map_ordered(work, range(100), n_threads)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(OSError, match="item 4"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_it_runs_at_most_twice_the_threads_ahead(n_threads):
    started = itertools.count()
    n_started = 0

    def work(i):
        nonlocal n_started
        n_started = next(started) + 1
        return i

    for n_taken, _ in enumerate(
        itertools.islice(map_ordered(work, itertools.count(), n_threads), 50), 1
    ):
        assert n_started <= n_taken - 1 + 2 * n_threads


def test_leaving_early_stops_the_work_and_ends_the_threads():
    before, done = threading.active_count(), []

    def work(i):
        time.sleep(0.1 if i else 0)
        done.append(i)

    results = map_ordered(work, range(1000), 2)
    next(results)
    results.close()
    assert set(done) <= {0, 1, 2}, "the fourth was waiting for a thread, and is not begun"
    assert threading.active_count() == before


def test_work_is_spread_over_threads():
    both_at_once = threading.Barrier(2, timeout=10)
    assert len(list(map_ordered(lambda _: both_at_once.wait(), range(2), 2))) == 2


def test_as_many_images_are_read_at_once_as_cores_and_memory_allow():
    with at_most_cores(4):
        assert count_readers() == 4
        with at_most_readers(3), at_most_readers(None):
            assert count_readers() == 3
            with at_most_cores(2):
                assert count_readers() == 2
        with at_most_readers(9):
            assert count_readers() == 4
        assert count_readers() == 4
