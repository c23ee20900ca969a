"""The words of the page, one file a language."""

import json
import re
from pathlib import Path

import pytest

from defectory import review
from defectory.workflows.reviewing.asking import STRATEGIES
from defectory.workflows.reviewing.queue import MIX

FOLDER = Path(review.__file__).parent / "page/texts"
TEXTS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def leaves(tree, path=()):
    """Yield (key, text) of every text."""
    for name, below in tree.items():
        if isinstance(below, dict):
            yield from leaves(below, (*path, name))
        else:
            yield ".".join((*path, name)), below


def values_of(language):
    """Return key -> the names of the values that its text is filled with."""
    return {key: set(re.findall(r"{(\w+)}", text)) for key, text in leaves(TEXTS[language])}


def test_every_language_says_the_same_things_with_the_same_values():
    assert set(TEXTS) == {"de", "en"}
    assert values_of("de") == values_of("en")


@pytest.mark.parametrize("language", TEXTS)
def test_every_strategy_has_a_name_and_a_reason(language):
    assert set(TEXTS[language]["strategy"]) == {MIX, *STRATEGIES}
    assert set(TEXTS[language]["why_asked"]) == set(STRATEGIES)
