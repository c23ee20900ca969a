"""Findings about pictures that are in the data set more than once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from defectory.domain import DataError, Label, members_of
from defectory.sources.dataset import Dataset, Sample
from defectory.sources.findings import Finding, Measured, Severity
from defectory.sources.found_groups import find_groups, wants_groups
from defectory.sources.near_duplicates import SimilarPair, find_similar_pairs
from defectory.sources.training_part import training_part

_Group = tuple[Sample, ...]


def check_duplicates(measured: Measured) -> Iterator[Finding]:
    """Yield exact copies, near copies and the same part photographed again.

    Each kind is told apart by what it spoils: copies in train and test flatter every figure, copies
    of contradicting labels are mistakes, and other copies only count double.
    """
    by_content: dict[str, list[Sample]] = defaultdict(list)
    for sample, facts in measured:
        by_content[facts.content_hash].append(sample)
    copies = [tuple(group) for group in by_content.values() if len(group) > 1]
    yield from _check_copies(copies)

    first_of = {group[0].name for group in by_content.values()}
    single = [(sample, facts) for sample, facts in measured if sample.name in first_of]
    near: list[_Group] = []
    again: list[_Group] = []
    for pair in _similar_pairs(single):
        group = (single[pair.first][0], single[pair.second][0])
        (near if pair.is_same_picture else again).append(group)
    yield from _check_near(near)
    yield from _check_again(again)


def _similar_pairs(single: Measured) -> list[SimilarPair]:
    return find_similar_pairs(np.array([facts.thumbnail for _, facts in single]))


def _check_copies(groups: Sequence[_Group]) -> Iterator[Finding]:
    opposed = [group for group in groups if _contradicts(group)]
    yield from _finding(
        "warning",
        "contradicting_labels",
        f"{_pictures(opposed)} both normal and anomalous, as exact copies",
        "look at each, keep the right label and delete the other copy",
        opposed,
    )
    across = [group for group in groups if _crosses(group)]
    yield from _finding(
        "warning",
        "duplicate_across_splits",
        f"{_pictures(across)} in train and in test as exact copies: test figures are false",
        "delete the copies from train",
        across,
    )
    within = [group for group in groups if not _crosses(group)]
    n_more = sum(len(group) - 1 for group in within)
    yield from _finding(
        "warning",
        "duplicate",
        f"{_pictures(within)} more than once ({n_more} exact copies too many)",
        "keep one of each; copies count double and make held-out figures too good",
        within,
    )


def _check_near(groups: Sequence[_Group]) -> Iterator[Finding]:
    opposed = [group for group in groups if _contradicts(group)]
    yield from _finding(
        "warning",
        "near_contradicting_labels",
        f"{_pairs(opposed)} of nearly the same picture, one normal and one anomalous",
        "look at both: a label may be wrong, or the defect is out of sight in one",
        opposed,
    )
    across = [group for group in groups if _crosses(group)]
    yield from _finding(
        "warning",
        "near_duplicate_across_splits",
        f"{_pairs(across)} of nearly the same picture, one in train and one in test",
        "move both into one split; test figures are too good",
        across,
    )
    within = [group for group in groups if not _crosses(group)]
    yield from _finding(
        "info",
        "near_duplicate",
        f"{_pairs(within)} of nearly the same picture (saved again, brightened, shifted)",
        "give them one group in a manifest, so that no split parts them",
        within,
    )


def _check_again(groups: Sequence[_Group]) -> Iterator[Finding]:
    across = [group for group in groups if _crosses(group)]
    yield from _finding(
        "warning",
        "same_part_across_splits",
        f"{_pairs(across)} that seem to show the same part (or twins), in train and in test",
        "split by part, not by picture; test figures are too good",
        across,
    )


def check_found_groups(dataset: Dataset, measured: Measured) -> Iterator[Finding]:
    """Yield the groups that a fit would find among the images it learns from, where none are given."""
    try:
        train = training_part(dataset)
    except DataError:
        return
    if not wants_groups(train):
        return
    names = {sample.name for sample in train.samples}
    learned = [(sample, facts) for sample, facts in measured if sample.name in names]
    if not learned:  # none of them can be read
        return
    thumbnails = np.array([facts.thumbnail for _, facts in learned])
    found = find_groups(thumbnails, [sample.name for sample, _ in learned])
    if not found.is_alone.all():
        groups = [
            tuple(learned[i][0] for i in members)
            for members in members_of(found.numbers, range(found.n_groups))
            if len(members) > 1
        ]
        yield from _finding(
            "info",
            "found_groups",
            f"{found.explain()}; fit judges each by what is learned without all pictures of its part",
            found.advise(),
            groups,
        )


def _contradicts(group: _Group) -> bool:
    return {Label.NORMAL, Label.ANOMALOUS} <= {sample.label for sample in group}


def _crosses(group: _Group) -> bool:
    return {"train", "test"} <= {sample.split for sample in group}


def _pictures(groups: Sequence[_Group]) -> str:
    return f"{len(groups)} picture is" if len(groups) == 1 else f"{len(groups)} pictures are"


def _pairs(groups: Sequence[_Group]) -> str:
    return f"{len(groups)} pair" + ("" if len(groups) == 1 else "s")


def _finding(
    severity: Severity, code: str, message: str, advice: str, groups: Sequence[_Group]
) -> Iterator[Finding]:
    """Yield the finding on some groups; nothing where there are none."""
    if groups:
        names = tuple(tuple(sample.name for sample in group) for group in groups)
        yield Finding(severity, code, message, advice, names)
