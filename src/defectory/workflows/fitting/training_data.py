"""What a fit learns from, out of what it was given."""

from dataclasses import replace
from pathlib import Path

from defectory.domain import Label, Progress
from defectory.sources import Dataset, read_dataset
from defectory.sources.grouping import group_by
from defectory.sources.training_part import training_part
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.fitting.weaknesses import weak_labels
from defectory.workflows.readable import leave_out_unreadable


def read_training_part(
    data: Path | str | Dataset, options: FitOptions
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images to learn from, and what is to be said of them; DataError where there are none."""
    dataset = data
    if not isinstance(dataset, Dataset):
        dataset = read_dataset(dataset, good_words=options.good_words, bad_words=options.bad_words)
    dataset = group_by(dataset, options.group_by)
    if options.assume_good:
        dataset = _confirmed(dataset)
    return training_part(dataset), (*dataset.notes, *weak_labels(dataset))


def readable_part(
    train: Dataset, options: FitOptions, progress: Progress, *, may_be_empty: bool = False
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images that can be read where others are to be skipped, and what is said of those.

    Parameters
    ----------
    may_be_empty : none may be left (of a part); else that is a DataError
    """
    if not options.skip_unreadable:
        return train, ()
    return leave_out_unreadable(train, progress, may_be_empty=may_be_empty)


def _confirmed(dataset: Dataset) -> Dataset:
    """Return the data set with unlabeled images called good, as a person says they are."""
    samples = tuple(
        replace(sample, label=Label.NORMAL) if sample.label is Label.UNLABELED else sample
        for sample in dataset.samples
    )
    return replace(dataset, samples=samples)
