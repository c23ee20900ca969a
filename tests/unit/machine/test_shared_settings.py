"""Threads that score at once keep each other's limit of matrix products."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from defectory.machine import one_thread_a_product


def threads_a_product():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture
def two_threads():
    with threadpool_limits(limits=2, user_api="blas"):
        if threads_a_product() != {2}:
            pytest.skip("this NumPy's matrix products cannot run on two threads")
        yield


def test_the_limit_holds_and_goes(two_threads):
    with one_thread_a_product, one_thread_a_product:
        assert threads_a_product() == {1}
    assert threads_a_product() == {2}


def test_it_goes_after_an_error(two_threads):
    with pytest.raises(np.linalg.LinAlgError), one_thread_a_product:
        np.linalg.cholesky(-np.eye(2))
    assert threads_a_product() == {2}


def test_whoever_leaves_first_does_not_lift_it_for_the_other(two_threads):
    """The bad order: one comes in, another comes in, the first leaves, and the other still computes."""
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with one_thread_a_product:
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    def second():
        assert first_is_in.wait(10)
        with one_thread_a_product:
            second_is_in.set()
            assert first_is_out.wait(10)
            seen.append(threads_a_product())

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [{1}]
    assert threads_a_product() == {2}, "what it was before, not what the second found"
