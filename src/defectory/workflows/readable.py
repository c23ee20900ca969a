"""Images that cannot be read, found before work starts, for those who asked to skip them."""

from dataclasses import replace

from defectory.domain import DataError, ImageReadError, NoProgress, Progress
from defectory.remote.copies import told_remote
from defectory.sources import Dataset


def find_unreadable(dataset: Dataset, progress: Progress | None = None) -> dict[str, str]:
    """Return name -> reason for each image that cannot be read; every file is decoded once."""
    progress = progress or NoProgress()
    progress.start("checking images", len(dataset))
    images, broken = dataset.images(), {}
    for i, sample in enumerate(dataset.samples):
        try:
            images.read([i])
        except ImageReadError as error:
            broken[sample.name] = told_remote(str(error))
        progress.advance()
    return broken


def leave_out_unreadable(
    dataset: Dataset, progress: Progress | None = None, *, may_be_empty: bool = False
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the images that can be read, and what to say of the others; see `keep_readable`."""
    unreadable = find_unreadable(dataset, progress)
    notes = tuple(f"left out, cannot be read: {reason}" for reason in unreadable.values())
    return keep_readable(dataset, unreadable, may_be_empty=may_be_empty), notes


def keep_readable(
    dataset: Dataset, unreadable: dict[str, str], *, may_be_empty: bool = False
) -> Dataset:
    """Return the data set without those images; DataError if none is left, unless it may be empty."""
    kept = tuple(s for s in dataset.samples if s.name not in unreadable)
    if not kept and unreadable and not may_be_empty:
        first = next(iter(unreadable.values()))
        raise DataError(f"{dataset.root}: none of {len(unreadable)} images can be read; {first}")
    return replace(dataset, samples=kept)
