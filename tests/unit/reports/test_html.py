from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from defectory.domain import Decision, Label, ParameterError
from defectory.reports.content import (
    Confusion,
    Gallery,
    Metric,
    PromiseContent,
    ScoredImages,
    TypeRow,
)
from defectory.reports.galleries import highest_gallery, misses_gallery
from defectory.reports.gray_zone_content import GrayZoneContent
from defectory.reports.html import render_report
from tests.unit.reports.conftest import THRESHOLD

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The tags, attributes and visible words of a page; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self._open.pop()

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_a_full_report_is_one_well_nested_page_with_everything_in_it(make_content):
    page = Page(render_report(make_content(warnings=("Too few good parts.",))))
    for words in (
        "Tiles",
        "Finds 90 % of defective parts.",
        "Too few good parts.",
        "0.971",
        "0.950 – 0.980",
        "93.1 %",
        "at most 0.93 %",
        "2 of 80 good parts rejected",
        "scratch",
        "dent",
        "8 of 130",
        "Seed",
        "Test labels touched only the metrics",
    ):
        assert words in page.text, words
    assert page.count("figure") == 8
    assert [page.text.count(f"part_{index}.png") for index in range(8)] == [1] * 8


def test_nothing_is_fetched_from_outside(make_content):
    text = render_report(make_content())
    page = Page(text)
    references = [
        value
        for name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href")
        for value in page.values(name)
    ]
    assert references
    assert all(value.startswith("data:") for value in references)
    assert "url(" not in text
    assert "@import" not in text
    assert page.count("script") == 0


def test_ids_are_unique_and_every_picture_has_words(make_content):
    page = Page(render_report(make_content()))
    assert [name for name, n in Counter(page.values("id")).items() if n > 1] == []
    images = [attrs for tag, attrs in page.tags if tag == "img"]
    assert len(images) == 2 * 8 + 1
    assert all(attrs.get("alt") for attrs in images)
    for tag, attrs in page.tags:
        if tag == "svg":
            assert attrs.get("aria-label") or attrs.get("aria-hidden") == "true"


def test_every_string_of_the_content_is_escaped(make_content, make_item):
    evil = "<script>alert(1)</script>\"'&"
    item = replace(make_item(evil, 30.0), defect_type=evil)
    text = render_report(
        make_content(
            title=evil,
            subtitle=evil,
            verdict=evil,
            warnings=(evil,),
            how_made=evil,
            data=((evil, evil),),
            provenance=((evil, evil),),
            metrics=(Metric("m", evil, nan, evil, missing_reason=evil),),
            types=(TypeRow(evil, 1, 1, 0.5, 1.0),),
            galleries=(
                Gallery("a", evil, evil, (item,), 1, evil),
                Gallery("b", evil, evil, (), 0, evil),
            ),
        )
    )
    page = Page(text)
    assert "<script" not in text
    assert page.count("script") == 0
    # title (tag and heading), subtitle, verdict, warning, footer, 4 facts, 3 of the metric, a type,
    # 2 gallery titles, explanation, empty text, item name and type
    assert page.text.count("<script>alert(1)</script>") == 20
    assert sum(evil in alt for alt in page.values("alt")) == 2


def test_broken_file_name_bytes_and_control_characters_still_give_a_page(make_content, make_item):
    item = make_item("bad\udcff\x00\x1bname.png", 30.0)
    text = render_report(make_content(galleries=(highest_gallery((item,), 1),)))
    assert "bad\ufffd\ufffd\ufffdname.png" in text
    assert text.encode("utf-8")


def test_a_missing_metric_says_why_and_shows_no_interval(make_content):
    metric = Metric("f1", "F1", nan, "Balance.", 0.1, 0.2, missing_reason="no defective part")
    text = Page(render_report(make_content(metrics=(metric,)))).text
    assert "F1 n/a no defective part Balance." in text
    assert "0.100" not in text


@pytest.mark.parametrize("ends", [(None, None), (0.1, None), (nan, nan)])
def test_an_interval_with_a_missing_end_is_left_out(make_content, ends):
    metric = Metric("f1", "F1", 0.5, "Balance.", *ends)
    text = Page(render_report(make_content(metrics=(metric,)))).text
    assert "0.500" in text
    assert "interval" not in text


def test_empty_galleries_say_so_in_a_friendly_way(make_content):
    text = Page(render_report(make_content())).text
    assert "No defective part was missed." in text
    assert "No good part was rejected." in text


def test_none_missed_of_none_is_no_merit(make_content):
    text = Page(render_report(make_content(galleries=(misses_gallery((), 0, 0),)))).text
    assert "No defective part was missed." not in text
    assert "none could be missed" in text


def test_a_promise_that_the_data_cannot_back_is_not_stated_as_one(make_content):
    promise = PromiseContent(0.001, 0.95, 0.0157, 190, 20.0)
    text = Page(render_report(make_content(promise=promise))).text
    assert "Not backed" in text
    assert "Asked for: at most 0.1 % of good parts rejected" in text
    assert "above the rate asked for" in text
    assert "✓" not in text


@pytest.mark.parametrize(
    ("bound", "is_estimated", "said"),
    [
        (0.009, False, "above the promised rate"),
        (0.009, True, "above the rate asked for"),
        (nan, True, "above the rate asked for"),
    ],
)
def test_only_a_rate_that_was_promised_is_called_so(make_content, bound, is_estimated, said):
    promise = PromiseContent(0.01, 0.95, bound, 190, 20.0, is_estimated)
    confusion = Confusion(n_found=9, n_missed=1, n_false_alarms=5, n_accepted=95)
    text = Page(render_report(make_content(promise=promise, confusion=confusion))).text
    assert f"5 of 100 good parts rejected; {said}" in text


ZONE = GrayZoneContent(
    miss_rate=0.05,
    confidence=0.95,
    basis="promised",
    accept_threshold=12.5,
    n_defects=80,
    promise="promised of defects.",
    expected="A person looks at 3 %.",
    n_defective=2,
    n_good=7,
)


def test_what_a_person_is_to_look_at_is_a_column_of_its_own(make_content):
    page = Page(render_report(make_content(gray_zone=ZONE)))
    words = "At most 5 % of defects like the labeled ones are accepted, with 95 % confidence."
    assert words in page.text
    assert "Backed by labeled defects" in page.text
    assert "Accepted below the score 12.5" in page.text
    assert "Defective 50 45 found 2 for a person 3 missed" in page.text
    assert "Good 80 2 false alarms 7 for a person 71 passed" in page.text
    assert "for a person" not in Page(render_report(make_content())).text


@pytest.mark.parametrize(
    ("basis", "says"),
    [
        ("short", "too few labeled defects"),
        ("none", "too few labeled"),
        ("estimated", "Estimated, not promised"),
    ],
)
def test_a_promise_on_defects_that_cannot_be_kept_is_not_stated_as_one(make_content, basis, says):
    text = Page(render_report(make_content(gray_zone=replace(ZONE, basis=basis)))).text
    assert "Asked for: at most 5 % of defects like the labeled ones accepted" in text
    assert says in text
    assert "promised of defects." in text
    assert "Backed by labeled" not in text


def test_an_unknown_bound_backs_nothing(make_content):
    text = Page(render_report(make_content(promise=PromiseContent(0.01, 0.95, nan, 0, inf)))).text
    assert "Not backed" in text
    assert "∞" in text


def test_a_report_without_labels_threshold_or_maps_is_still_whole(make_content, make_item):
    item = replace(
        make_item("a.png", 1.0), anomaly_map=None, mask=None, label=Label.UNLABELED, defect_type=""
    )
    scored = ScoredImages(np.array([1.0]), np.array([-1]), inf)
    page = Page(
        render_report(
            make_content(
                scored=scored,
                metrics=(),
                types=(),
                promise=None,
                confusion=None,
                heat_scale=None,
                data=(),
                provenance=(),
                galleries=(highest_gallery((item,), 1),),
            )
        )
    )
    assert page.count("img") == 1
    assert "Unlabeled (1)" in page.text
    assert "unlabeled" in page.text
    assert "needs both good and defective" in page.text


def test_no_image_at_all_gives_a_page_without_plots(make_content):
    scored = ScoredImages(np.zeros(0), np.zeros(0, dtype=int), 1.0)
    confusion = Confusion(0, 0, 0, 0)
    page = Page(render_report(make_content(scored=scored, confusion=confusion, galleries=())))
    assert "plot" not in page.values("class")
    assert "no good part in it is labeled" in page.text


def test_decisions_are_told_in_words_not_only_in_color(make_content, make_item):
    items = (make_item("a.png", 30.0), make_item("b.png", 10.0))
    text = Page(render_report(make_content(galleries=(highest_gallery(items, 2),)))).text
    assert "▲ rejected" in text
    assert "● accepted" in text
    between = Decision(15.0, THRESHOLD, False, accept_threshold=12.0)
    items = (replace(make_item("c.png", 15.0), decision=between),)
    assert (
        "◆ to look at"
        in Page(render_report(make_content(galleries=(highest_gallery(items, 1),)))).text
    )


def test_the_same_content_gives_the_same_page(make_content):
    assert render_report(make_content()) == render_report(make_content())


def test_many_large_noisy_pictures_stay_a_few_megabytes(make_content, make_item):
    items = tuple(make_item(f"{index}.png", 30.0, index, (900, 1200)) for index in range(4))
    text = render_report(make_content(galleries=(highest_gallery(items * 9, 36),)))
    assert len(text) < 7e6  # white noise is the worst that JPEG can meet


@pytest.mark.parametrize("key", ["", "Two words", 'a"b', "9"])
def test_a_key_that_is_no_identifier_is_refused(make_content, key):
    with pytest.raises(ParameterError, match="plain identifier"):
        render_report(make_content(metrics=(Metric(key, "F1", 0.5, "Balance."),)))


def test_two_galleries_of_one_key_are_refused(make_content):
    with pytest.raises(ParameterError, match="unique"):
        render_report(make_content(galleries=(highest_gallery((), 0), highest_gallery((), 0))))


def test_real_pictures_of_36_parts_stay_below_two_megabytes(make_content, make_item):
    folder = Path(__file__).parents[4] / "shared/data/magnetic-tile/test/blowhole"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/magnetic-tile, which is not here")
    image_module = pytest.importorskip("PIL.Image")
    items = []
    for path in sorted(folder.glob("*.jpg"))[:36]:
        with image_module.open(path) as picture:
            image = np.asarray(picture.convert("RGB"))
        items.append(replace(make_item(path.name, 30.0), image=image, mask=None))
    text = render_report(make_content(galleries=(highest_gallery(tuple(items), 36),)))
    assert Page(text).count("figure") == 36
    assert len(text) < 2e6
