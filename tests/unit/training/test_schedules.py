"""A climb, then half a cosine."""

import pytest

from defectory.training.schedules import warm_up_cosine


def test_it_climbs_in_equal_steps_to_the_top_and_falls_to_nothing():
    factors = [warm_up_cosine(i, 100, n_warm_up=4) for i in range(101)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert factors[52] == pytest.approx(0.5)
    assert factors[100] == pytest.approx(0) == warm_up_cosine(500, 100)


def test_a_short_run_still_comes_down():
    assert warm_up_cosine(1, 4, n_warm_up=1000) == pytest.approx(2 / 3)
    assert warm_up_cosine(3, 4, n_warm_up=1000) == pytest.approx(0.5)
    assert warm_up_cosine(0, 1) == 1.0
