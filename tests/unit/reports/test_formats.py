from math import inf, nan

import pytest

from defectory.reports.formats import as_bound, as_level, as_percent, as_ratio, as_score, as_tick


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.9312, "0.931"),
        (0.9996, "0.9996"),
        (1.0, "1.000"),
        (0.0, "0.000"),
        (0.00002, "0.00002"),
        (nan, "n/a"),
        (inf, "n/a"),
    ],
)
def test_ratios_never_round_to_perfect(value, words):
    assert as_ratio(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.931, "93.1 %"),
        (0.01, "1.0 %"),
        (0.9996, "99.96 %"),
        (0.0004, "0.04 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (nan, "n/a"),
    ],
)
def test_percents_never_round_to_none_or_all(value, words):
    assert as_percent(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.95, "95 %"), (0.999, "99.9 %"), (0.01, "1 %"), (nan, "n/a")]
)
def test_levels_have_no_more_digits_than_they_need(value, words):
    assert as_level(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.00931, "at most 0.94 %"),
        (0.01, "at most 1.00 %"),
        (0.010001, "at most 1.01 %"),
        (nan, "n/a"),
    ],
)
def test_bounds_are_rounded_up(value, words):
    assert as_bound(value).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(33.9, "33.90"), (1234.0, "1234"), (-0.5, "−0.5000"), (inf, "∞"), (-inf, "−∞"), (nan, "n/a")],
)
def test_scores_line_up(value, words):
    assert as_score(value) == words


def test_ticks_are_short():
    assert [as_tick(value) for value in (-0.5, 0.0, 20.0)] == ["−0.5", "0", "20"]
