"""Groups told by names: pictures of one part, one hour, one camera are often named or filed together."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

from defectory.domain import ParameterError
from defectory.sources.dataset import Dataset

PARENT = "parent"
"""Groups by folder."""
NONE = "none"
"""Every image counts by itself."""


def group_by(dataset: Dataset, rule: str | None) -> Dataset:
    """Return the data set with groups told by the images' names; as it is where there is no rule.

    Parameters
    ----------
    rule : "parent" for the folder an image lies in, "none" for no groups at all, or a regular expression
        images belong together where it finds the same in their names (relative to the data set's root): all
        its groups in parentheses, or the whole match where it has none. Where it finds nothing, an image
        keeps the group that a manifest gives it

    Raises
    ------
    ParameterError : the expression does not parse, or finds nothing in any name.
    """
    if rule is None:
        return dataset
    if rule == NONE:
        return replace(dataset, samples=tuple(replace(s, group=None) for s in dataset.samples))
    found = [_group_of(sample.name, rule) for sample in dataset.samples]
    if dataset.samples and not any(found):
        raise ParameterError(
            f"--group-by {rule!r} finds nothing in any of {len(dataset)} names such as "
            f"{dataset.samples[0].name!r}; give a regular expression that does, such as '^[^_]+', or parent "
            "or none"
        )
    return replace(
        dataset,
        samples=tuple(
            sample if group is None else replace(sample, group=group)
            for sample, group in zip(dataset.samples, found, strict=True)
        ),
    )


def _group_of(name: str, rule: str) -> str | None:
    if rule == PARENT:
        return PurePosixPath(name).parent.as_posix()
    try:
        match = re.search(rule, name)
    except re.error as error:
        raise ParameterError(f"--group-by {rule!r} is no regular expression: {error}") from error
    if match is None:
        return None
    return "/".join(part or "" for part in match.groups()) if match.groups() else match[0]
