"""Groups of a data set that names none: looked for before a fit, so that left-out scores are honest."""

from dataclasses import replace

from defectory.domain import ImageSource, Progress
from defectory.sources import Dataset
from defectory.sources.found_groups import N_NEEDED, find_groups, wants_groups
from defectory.sources.thumbnails import read_thumbnails


def with_found_groups(
    train: Dataset, images: ImageSource, progress: Progress, n_needed: int = N_NEEDED
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the data set with the groups that its pictures show, and what to say of them.

    Parameters
    ----------
    n_needed : good images that a promise needs where others are unlabeled

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    if not wants_groups(train, n_needed):
        return train, ()
    names = [sample.name for sample in train.samples]
    found = find_groups(read_thumbnails(images, progress), names)
    if found.is_alone.all():
        return train, ()
    samples = (
        sample if is_alone else replace(sample, group=f"found-{number}")
        for sample, number, is_alone in zip(
            train.samples, found.numbers, found.is_alone, strict=True
        )
    )
    note = f"{found.explain()}; pictures of one part count as one; {found.advise()}"
    return replace(train, samples=tuple(samples)), (note,)
