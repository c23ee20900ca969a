from pathlib import Path

import pytest

from defectory.domain import Label, ParameterError
from defectory.sources import Dataset, Sample
from defectory.sources.grouping import group_by

NAMES = ("a/p1_top.png", "a/p1_side.png", "b/p2_top.png", "b/other.png")


def dataset(names=NAMES, group=None):
    samples = (Sample(Path(n), Label.NORMAL, None, "", group, None, n) for n in names)
    return Dataset(Path(), "flat", tuple(samples))


def groups_of(rule, **given):
    return [sample.group for sample in group_by(dataset(**given), rule).samples]


def test_folders_and_names_tell_groups():
    assert groups_of("parent") == ["a", "a", "b", "b"]
    assert groups_of("p[0-9]+") == ["p1", "p1", "p2", None]
    assert groups_of("^(.)/(p[0-9]+)") == ["a/p1", "a/p1", "b/p2", None]


def test_without_a_rule_or_a_match_what_the_manifest_says_stays():
    assert groups_of(None, group="g") == ["g"] * 4
    assert groups_of("p[0-9]+", group="g") == ["p1", "p1", "p2", "g"]


@pytest.mark.parametrize("rule", ["(", "nowhere"])
def test_rules_that_tell_nothing_are_refused(rule):
    with pytest.raises(ParameterError, match="--group-by"):
        group_by(dataset(), rule)
