"""What is said of images that were scored."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from defectory.workflows.scoring.summary import summarize, worst_first
from tests.bundles import calibration_of

_MODEL = SimpleNamespace(
    bundle=SimpleNamespace(calibration=calibration_of([0.0, 1.0])),
    threshold=SimpleNamespace(value=2.0),
    gray_zone=None,
)


def _rows(*scores):
    return [
        {"image": f"{i}", "score": s, "is_anomalous": None if s is None else s > 2}
        for i, s in enumerate(scores)
    ]


def _summary(*scores):
    rows = _rows(*scores)
    order = worst_first(rows)
    return summarize((rows[i] for i in order), _MODEL, Path("scores.csv"), has_heatmaps=False)


def test_rejected_images_come_first_and_unreadable_ones_last():
    assert worst_first(_rows(0.5, None, 3.0, 0.5, 9.0)) == [4, 2, 0, 3, 1]
    summary = _summary(0.5, None, 3.0, 0.5, 9.0)
    assert (summary.n_scored, summary.n_rejected, summary.n_unreadable) == (4, 2, 1)
    assert [image.name for image in summary.rejected] == ["4", "2"]


def test_no_more_than_ten_are_listed():
    summary = _summary(*range(3, 23))
    assert (summary.n_rejected, len(summary.rejected)) == (20, 10)


def test_images_to_look_at_are_counted_and_listed_by_themselves():
    outcomes = ["rejected", "review", "review", "accepted"]
    rows = [
        {"image": f"{i}", "score": 4.0 - i, "is_anomalous": o == "rejected", "outcome": o}
        for i, o in enumerate(outcomes)
    ]
    found = summarize(rows, _MODEL, Path("scores.csv"), has_heatmaps=False)
    assert (found.n_scored, found.n_rejected, found.n_review) == (4, 1, 2)
    assert [image.name for image in found.rejected] == ["0"]
    assert [image.name for image in found.review] == ["1", "2"]


@pytest.mark.parametrize(
    ("n_beyond", "n", "looks_strange"),
    [(8, 8, True), (8, 10, True), (7, 10, False), (5, 5, False), (47, 50, True)],
)
def test_images_that_are_mostly_beyond_the_fit_look_strange(n_beyond, n, looks_strange):
    summary = _summary(*[1.5] * n_beyond, *[0.5] * (n - n_beyond))
    assert summary.n_beyond == n_beyond
    assert (
        any("another product, camera or light?" in note for note in summary.notes) == looks_strange
    )
