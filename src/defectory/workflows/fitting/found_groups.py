"""Groups of a data set that names none: looked for before a fit, so that left-out scores are honest."""

from dataclasses import replace

from defectory.domain import ImageSource, Label, Progress
from defectory.sources import Dataset
from defectory.sources.found_groups import find_groups
from defectory.sources.thumbnails import read_thumbnails

_MOST_IMAGES = 20_000
"""Hashes of all pairs of more take minutes."""


def with_found_groups(
    train: Dataset, images: ImageSource, progress: Progress
) -> tuple[Dataset, tuple[str, ...]]:
    """Return the data set with the groups that its pictures show, and what to say of them.

    Not where nobody has called an image good: nothing is promised then, and other pictures of a part help to
    tell that one of them shows a defect.

    Raises
    ------
    ImageReadError : an image cannot be read.
    """
    if not (train.labels == Label.NORMAL).any():
        return train, ()
    if len(train) > _MOST_IMAGES:
        return train, (
            f"groups are looked for among at most {_MOST_IMAGES} images; give --group-by",
        )
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
    note = f"{found.explain()}, and count as one; {found.advise()}"
    return replace(train, samples=tuple(samples)), (note,)
