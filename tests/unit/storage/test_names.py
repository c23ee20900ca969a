import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defectory.storage import readable_name, safe_names

LONG = "x" * 300


@pytest.mark.parametrize(
    "name", ["a.png", "train/good/01 (2).jpg", "größe/ÄÖ.tif", ".hidden/a.png"]
)
def test_a_usual_name_stays(name):
    assert safe_names([name], ".png") == [f"{name}.png"]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("/etc/passwd", "etc/passwd~"),
        ("../../x.png", "x.png~"),
        ("a/../../x.png", "a/x.png~"),
        ("C:\\temp\\x.png", "C__temp_x.png~"),
        ("con.png", "_con.png~"),
        ("a/NUL", "a/_NUL~"),
        ("a\nb.png", "a_b.png~"),
        ("caf\udce9.png", "caf_.png~"),
        ("a./b.png", "a_/b.png~"),
        ("..", "image~"),
        ("", "image~"),
        ("a//b.png", "a/b.png~"),
    ],
)
def test_a_name_that_leads_elsewhere_is_made_safe(name, start):
    (safe,) = safe_names([name])
    assert safe.startswith(start)
    assert len(safe) == len(start) + 8


@pytest.mark.parametrize(
    "names",
    [
        ["a/b.png", "A/B.PNG", "a/b.png "],
        ["é.png", "e\u0301.png"],
        ["caf\udce9.png", "caf\udcea.png"],
        [f"{LONG}1.png", f"{LONG}2.png"],
        ["x", "x.png/y"],
        ["x.png/y", "x"],
        ["straße", "STRASSE"],
        ["a:b", "a?b", "a_b"],
    ],
)
def test_names_stay_apart(names):
    safe = safe_names(names, ".png")
    folded = [unicodedata.normalize("NFC", name).casefold() for name in safe]
    assert len(set(folded)) == len(names)


def test_no_file_takes_the_place_of_a_folder(tmp_path):
    for name in safe_names(["x", "x.png/y", "x.png/z", "q/r", "q"], ""):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")


# surrogates of bytes that are no UTF-8 among them
anything = st.text(st.characters(max_codepoint=0x2FF) | st.sampled_from("/\\.:\udce9\udc80\0"))


@given(st.lists(anything, unique=True, max_size=8))
def test_any_names_become_distinct_valid_and_stay_below(names):
    safe = safe_names(names, ".png")
    assert len({unicodedata.normalize("NFC", name).casefold() for name in safe}) == len(names)
    for name in safe:
        assert len(name.encode()) <= 190
        parts = name.split("/")
        assert all(part.strip(". ") and part[-1] not in ". " for part in parts)
        assert not any(ord(c) < 32 or c in '<>:"|?*\\' for c in name)


def test_a_name_depends_only_on_those_before():
    assert safe_names(["a", "A", "b"])[:2] == safe_names(["a", "A"])


def test_a_readable_name_is_valid_unicode():
    assert readable_name("caf\udce9.png") == "caf\\xe9.png"
    assert readable_name("größe.png") == "größe.png"
