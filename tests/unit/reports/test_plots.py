import re
import xml.etree.ElementTree as ET
from math import inf

import numpy as np
import pytest

from defectory.domain import Label, ParameterError
from defectory.reports.axes import ScoreAxis
from defectory.reports.content import Confusion, ScoredImages
from defectory.reports.plots import histogram_svg, roc_svg

SVG = "{http://www.w3.org/2000/svg}"


def _scored(normal, anomalous=(), threshold=1.0):
    labels = np.repeat([0, 1], [len(normal), len(anomalous)])
    return ScoredImages(np.array([*normal, *anomalous], dtype=float), labels, threshold)


def _bars(svg: str, css: str) -> list[tuple[float, float, float]]:
    """Return (left, right, height) of the bars of a row."""
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == css:
            return [
                (
                    float(bar.get("x")),
                    float(bar.get("x")) + float(bar.get("width")),
                    float(bar.get("height")),
                )
                for bar in group
            ]
    return []


def _threshold_x(svg: str) -> float:
    lines = [
        line for line in ET.fromstring(svg).iter(f"{SVG}line") if line.get("class") == "threshold"
    ]
    assert len(lines) == 1
    return float(lines[0].get("x1"))


@pytest.mark.parametrize("threshold", [20.0, inf, -inf, -500.0, 1e6])
@pytest.mark.parametrize("n_unlabeled", [0, 7])
def test_histograms_are_well_formed_and_inside_their_drawing(make_scored, threshold, n_unlabeled):
    svg = histogram_svg(make_scored(threshold, n_unlabeled))
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox").split())
    for mark in root.iter():
        for name, limit in (("x", width), ("y", height), ("x1", width), ("y2", height)):
            assert 0 <= float(mark.get(name, 0)) <= limit
    assert ("Unlabeled" in svg) == bool(n_unlabeled)
    assert ("threshold ∞" in svg) == (threshold == inf)  # only in words: there is no such line
    assert ('class="threshold"' in svg) == np.isfinite(threshold)


@pytest.mark.parametrize("threshold", [-500.0, 17.3, 30.0, 1e6])
def test_no_name_of_a_row_lies_on_the_threshold(make_scored, threshold):
    svg = histogram_svg(make_scored(threshold))
    middle = float(ET.fromstring(svg).get("viewBox").split()[2]) / 2
    names = [t for t in ET.fromstring(svg).iter(f"{SVG}text") if t.get("class") == "row-name"]
    assert [name.text.split()[0] for name in names] == ["Good", "Defective"]
    for name in names:
        is_left = float(name.get("x")) < middle
        assert name.get("text-anchor") == ("start" if is_left else "end")
        assert (_threshold_x(svg) > middle + 20) == is_left


def test_no_bar_stands_on_both_sides_of_the_threshold(make_scored):
    svg = histogram_svg(make_scored(17.3))
    line = _threshold_x(svg)
    bars = _bars(svg, "normal") + _bars(svg, "anomalous")
    assert all(right <= line or left >= line for left, right, _ in bars)


def test_a_score_at_the_threshold_is_drawn_as_accepted():
    svg = histogram_svg(_scored([0.0, 1.0], [1.0, 5.0], threshold=1.0))
    line = _threshold_x(svg)
    assert all(right <= line for _, right, _ in _bars(svg, "normal"))
    assert sum(right <= line for _, right, _ in _bars(svg, "anomalous")) == 1


def test_one_part_among_many_can_be_seen():
    svg = histogram_svg(_scored([0.0] * 5000 + [10.0]))
    assert min(height for _, _, height in _bars(svg, "normal")) >= 2


def test_equal_scores_can_be_drawn():
    ET.fromstring(histogram_svg(_scored([3.0, 3.0], threshold=3.0)))
    ET.fromstring(histogram_svg(_scored([0.0], threshold=inf)))


def test_the_roc_curve_passes_through_its_operating_point():
    normal, anomalous = np.arange(10.0), np.arange(5.0, 15.0)
    svg = roc_svg(_scored(normal, anomalous, threshold=8.5), Confusion(6, 4, 1, 9))
    root = ET.fromstring(svg)
    point = root.find(f"{SVG}circle")
    curve = root.find(f"{SVG}polyline").get("points")
    assert f"{point.get('cx')},{point.get('cy')}" in curve.split()
    assert "60.0\u00a0% found, 10.0\u00a0% rejected" in svg


def test_the_roc_curve_stays_small_for_many_images():
    rng = np.random.default_rng(0)
    svg = roc_svg(_scored(rng.normal(0, 1, 50_000), rng.normal(1, 1, 50_000)), None)
    assert len(svg) < 20_000
    assert "circle" not in svg


def test_the_roc_curve_leaves_unlabeled_images_out(make_scored):
    def curve(svg):
        return re.search('points="[^"]*"', svg).group()

    with_unlabeled = make_scored(n_unlabeled=30)
    known = with_unlabeled.labels != Label.UNLABELED
    without = ScoredImages(with_unlabeled.scores[known], with_unlabeled.labels[known], 20.0)
    assert curve(roc_svg(with_unlabeled, None)) == curve(roc_svg(without, None))


def test_there_is_no_roc_curve_of_one_class():
    assert roc_svg(_scored([1.0, 2.0]), None) is None


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1.0, 2.0], [0], "one label per score"),
        ([1.0, np.nan], [0, 0], "finite"),
        ([1.0], [2], "unknown code"),
    ],
)
def test_scores_that_cannot_be_drawn_are_refused(scores, labels, words):
    with pytest.raises(ParameterError, match=words):
        ScoredImages(np.array(scores), np.array(labels), 1.0)


@pytest.mark.parametrize("offset", [-300.0, 0.0, 1000.0])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e5])
@pytest.mark.parametrize("tail", [1.0, 1000.0])
def test_axis_keeps_order_and_its_ticks_rise_inside_it(offset, size, tail):
    bulk = offset + size * np.linspace(-1, 1, 101)
    scores = np.append(bulk, offset + size * tail * np.linspace(1, 2, 11))
    axis = ScoreAxis(scores, bulk, offset + 1.5 * size)
    places = axis.place(np.unique(scores))
    assert axis.is_bent == (tail > 1)
    assert (np.diff(places) > 0).all()
    assert places[0] > 0
    assert places[-1] < 1
    ticks = axis.place(np.array(axis.ticks()))
    assert len(ticks) >= 2
    assert (np.diff(ticks) > 0.05).all()
    assert ((ticks >= 0) & (ticks <= 1)).all()


def test_ticks_are_round():
    even = ScoreAxis(np.array([0.0, 1.0]), np.zeros(0), 0.5)
    assert even.ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    scores = np.append(np.linspace(10, 20, 50), 1000.0)
    bent = ScoreAxis(scores, scores[:50], 22.0)
    assert all(float(f"{tick:.2g}") == tick for tick in bent.ticks())
