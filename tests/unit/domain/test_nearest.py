"""What a mistyped name was meant to be."""

import pytest

from defectory.domain.nearest import did_you_mean

_NAMES = ("auto", "gaussian", "patch-memory", "memseg")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("patchcore", "; did you mean patch-memory?"),
        ("PATCH_MEMORY", "; did you mean patch-memory?"),
        ("gausian", "; did you mean gaussian?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_is_found(word, meant):
    assert did_you_mean(word, _NAMES) == meant
