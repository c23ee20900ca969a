"""The section of distrusted images, and the account near the top."""

import numpy as np
import pytest

from defectory.reports.formats import as_weight
from defectory.reports.html import render_report
from defectory.reports.suspect_content import SuspectContent, SuspectItem
from tests.unit.reports.test_html import Page

EVIL = "<script>alert(1)</script>\"'&"


def suspects(n_pictures=2, n_rows=1, n_total=None):
    image = np.full((40, 600, 3), 90, np.uint8)
    items = [
        SuspectItem(
            f"odd_{i}.png", 9.0 - i, 0.25, f"Reason {i}.", image if i < n_pictures else None
        )
        for i in range(n_pictures + n_rows)
    ]
    return SuspectContent(tuple(items), n_total or len(items))


def test_pictures_are_shown_and_the_rest_is_listed(make_content):
    page = Page(render_report(make_content(galleries=(), suspects=suspects(2, 3, 70))))
    assert "Images the fit distrusted the oddest 5 of 70" in page.text
    assert page.count("figure") == 2
    assert "3 without a picture" in page.text
    for i in range(5):
        assert page.text.count(f"odd_{i}.png") == 1
        assert page.text.count(f"Reason {i}.") == 1
    assert "weight 0.25 score, left out 9.000" in page.text
    assert all(value.startswith("data:") for value in page.values("src"))


@pytest.mark.parametrize(("n_pictures", "n_rows"), [(2, 0), (0, 2)])
def test_only_pictures_or_only_a_list_is_a_whole_page_too(make_content, n_pictures, n_rows):
    page = Page(render_report(make_content(suspects=suspects(n_pictures, n_rows))))
    assert "Images the fit distrusted 2" in page.text
    assert "2 without a picture" not in page.text
    assert page.count("figure") == 8 + n_pictures
    assert (
        page.text.count("Image Weight Score, left out Reason"),
        page.text.count("Reason 1."),
    ) == (
        bool(n_rows),
        1,
    )


def test_without_suspects_and_account_nothing_is_said_of_them(make_content):
    text = render_report(make_content())
    assert 'id="suspects"' not in text
    assert 'id="account"' not in text


def test_the_account_stands_before_the_figures(make_content):
    page = Page(render_report(make_content(account=("Found 9 labels.", "Used them."))))
    at = [page.text.index(words) for words in ("Found 9 labels.", "Used them.", "Headline figures")]
    assert at == sorted(at)


def test_every_string_is_escaped(make_content):
    image = np.zeros((8, 8, 3), np.uint8)
    items = tuple(SuspectItem(EVIL, 1.0, 0.5, EVIL, picture) for picture in (image, None))
    text = render_report(
        make_content(galleries=(), account=(EVIL,), suspects=SuspectContent(items, 2))
    )
    page = Page(text)
    assert page.count("script") == 0
    assert page.text.count("<script>alert(1)</script>") == 5


@pytest.mark.parametrize(
    ("weight", "text"), [(0.0, "0"), (1.0, "1"), (0.004, "0.01"), (0.999, "0.99"), (0.25, "0.25")]
)
def test_a_weight_looks_like_nothing_or_all_only_where_it_is(weight, text):
    assert as_weight(weight) == text
