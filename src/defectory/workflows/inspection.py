"""The data doctor: what was understood of a data set, what is wrong with it, what `fit` would make of it."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path

import numpy as np

from defectory.calibration import DEFAULT_CONFIDENCE, fit_threshold, n_normals_needed
from defectory.detectors.base import groups_to_leave_out, usable_as_normal
from defectory.domain import DataError, Label, Progress
from defectory.sources import Dataset, read_dataset
from defectory.sources.findings import Finding
from defectory.sources.grouping import group_by as rule_groups
from defectory.sources.inspection import Inspection, inspect_dataset
from defectory.sources.inspection_text import format_text
from defectory.sources.training_part import training_part
from defectory.workflows.fitting.options import FitOptions


def inspect_data(
    data: Path | str,
    *,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Examine a data set before training: counts, unreadable files, copies, masks, drift.

    Parameters
    ----------
    good_words, bad_words : further names and labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`
    """
    dataset = read_dataset(data, good_words=good_words, bad_words=bad_words)
    dataset = rule_groups(dataset, group_by)
    inspection = inspect_dataset(dataset, look_for_groups=group_by is None, progress=progress)
    return inspection.with_findings(*_check_promise(dataset))


def inspection_text(inspection: Inspection) -> str:
    """Return an inspection for a person to read, at most 100 columns wide."""
    return format_text(inspection)


def _check_promise(dataset: Dataset) -> Iterable[Finding]:
    """Return whether there are too few good images for the promise that `fit` makes by default."""
    try:
        train = training_part(dataset)
    except DataError:
        return ()
    labels = train.labels
    n, n_unlabeled = (int((labels == code).sum()) for code in (Label.NORMAL, Label.UNLABELED))
    rate, confidence = FitOptions().false_reject_rate, DEFAULT_CONFIDENCE
    needed = n_normals_needed(rate, confidence)
    n_groups = _count_good_groups(train)
    if n_groups >= needed:
        return ()
    unit, there = "", f"{n} images"
    if n_groups < n:
        unit, there = "groups of ", f"{there} ({n_groups} groups)"
    if n_unlabeled:
        advice = (
            "until then the threshold is an estimate; where all unlabeled images are good, say so with "
            "--assume-good"
        )
    else:
        possible = ceil(1000 * fit_threshold(range(n_groups), rate, confidence).bound) / 1000
        advice = (
            f"add {needed - n_groups} {unit}good images, or promise less with "
            f"--false-reject-rate {possible:g}"
        )
    return (
        Finding(
            "warning",
            "few_normals",
            f"{there} labeled good and {n_unlabeled} unlabeled to learn from; the promise of fit (at most "
            f"{rate:.0%} of good parts rejected, {confidence:.0%} confidence) needs {needed} labeled good",
            advice,
        ),
    )


def _count_good_groups(train: Dataset) -> int:
    """Return how many groups of images labeled good a fit would count."""
    n, labels = len(train), train.labels
    groups = groups_to_leave_out(n, train.groups, usable_as_normal(n, labels))
    return len(np.unique(groups[labels == Label.NORMAL]))
