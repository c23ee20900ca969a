"""The data doctor: what was understood of a data set, what is wrong with it, what `fit` would make of it."""

from collections.abc import Iterable
from math import ceil
from pathlib import Path

from defectory.calibration import DEFAULT_CONFIDENCE, fit_threshold, n_normals_needed
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
        labels = training_part(dataset).labels
    except DataError:
        return ()
    n, n_unlabeled = (int((labels == code).sum()) for code in (Label.NORMAL, Label.UNLABELED))
    rate, confidence = FitOptions().false_reject_rate, DEFAULT_CONFIDENCE
    needed = n_normals_needed(rate, confidence)
    if n >= needed:
        return ()
    if n_unlabeled:
        advice = (
            "until then the threshold is an estimate; where all unlabeled images are good, say so with "
            "--assume-good"
        )
    else:
        possible = ceil(1000 * fit_threshold(range(n), rate, confidence).bound) / 1000
        advice = (
            f"add {needed - n} good images, or promise less with --false-reject-rate {possible:g}"
        )
    return (
        Finding(
            "warning",
            "few_normals",
            f"{n} images labeled good and {n_unlabeled} unlabeled to learn from; the promise of fit (at most "
            f"{rate:.0%} of good parts rejected, {confidence:.0%} confidence) needs {needed} labeled good",
            advice,
        ),
    )
