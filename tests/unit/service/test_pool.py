"""Threads take their share of what waits, what nobody waits for is dropped, and an end ends."""

import asyncio
import threading

from defectory.service.errors import ClientGoneError
from defectory.service.pool import MOST_TOGETHER, Pool


class Work:
    """Doubles numbers once it may; remembers which were worked on together."""

    def __init__(self):
        self.may_begin, self.has_begun = threading.Event(), threading.Event()
        self.together = []

    def __call__(self, items):
        self.together.append(list(items))
        self.has_begun.set()
        assert self.may_begin.wait(20)
        if 13 in items:
            raise ValueError("13")
        return [2 * item for item in items]


async def never():
    await asyncio.Event().wait()


async def at_once():
    pass


def run_all(requests, *, n_threads=1, n_waiting=100, deadline_s=20.0):
    """Run requests (kind, items, gone) while the first is held at work; what came of each, and the work."""
    work, took = Work(), []

    async def ask():
        first = asyncio.ensure_future(pool.run(*requests[0]))
        while not work.has_begun.is_set():
            await asyncio.sleep(0.001)
        others = [asyncio.ensure_future(pool.run(*request)) for request in requests[1:]]
        await asyncio.sleep(0.02)
        work.may_begin.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.sleep(0)
        return found

    pool = Pool(work, n_threads, n_waiting, deadline_s, took.append)
    try:
        found = asyncio.run(ask())
    finally:
        work.may_begin.set()
        pool.close()
    return found, work.together, took


def test_what_waits_is_worked_on_together_by_kind():
    requests = [("a", [0], never), ("a", [1], never), ("a", [2, 3], never), ("b", [4], never)]
    found, together, took = run_all(requests)
    assert found == [[0], [2], [4, 6], [8]]
    assert together == [[0], [1, 2, 3], [4]]
    assert len(took) == 5


def test_only_so_many_go_together():
    _, together, _ = run_all([("a", [0], never), ("a", list(range(20, 40)), never)])
    assert [len(items) for items in together] == [1, MOST_TOGETHER, 20 - MOST_TOGETHER]


def test_what_fails_is_told_to_those_it_concerns():
    found, _, _ = run_all([("a", [0], never), ("b", [13], never), ("c", [1], never)])
    assert (found[0], found[2]) == ([0], [2])
    assert isinstance(found[1][0], ValueError)


def test_who_finds_no_place_is_refused():
    found, _, _ = run_all([("a", [0], never), ("a", [1, 2], never)], n_waiting=1)
    assert (found[1].status, found[1].headers["Retry-After"]) == (503, "1")


def test_what_nobody_waits_for_is_dropped():
    found, together, _ = run_all([("a", [0], never), ("a", [1], at_once), ("a", [2], never)])
    assert isinstance(found[1], ClientGoneError)
    assert together == [[0], [2]]


def test_what_takes_too_long_is_dropped():
    found, together, _ = run_all([("a", [0], never), ("a", [1], never)], deadline_s=0.01)
    assert [each.status for each in found] == [504, 504]
    assert together == [[0]]


def test_a_pool_without_work_ends():
    pool = Pool(lambda items: items, 3, 5, 1.0, print)
    pool.close()
    assert not any(thread.is_alive() for thread in pool._threads)
