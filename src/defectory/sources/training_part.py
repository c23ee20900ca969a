"""Which images of a data set a fit learns from, and whether they are enough to begin with."""

from defectory.domain import DataError, Label
from defectory.sources.dataset import Dataset

MIN_NORMALS = 2
"""Normal or unlabeled images that every detector needs."""


def training_part(dataset: Dataset) -> Dataset:
    """Return the train split, or the images without a split where nothing is called train.

    Raises
    ------
    DataError : all images belong to the test split, or fewer than two may teach what is normal.
    """
    train = dataset.subset("train")
    if not len(train):
        train = dataset.subset("")
    if not len(train):
        raise DataError(
            f"{dataset.root}: every image belongs to the test split; "
            "put the images to learn from under train/ or give them split=train"
        )
    n_usable = int((train.labels != Label.ANOMALOUS).sum())
    if n_usable < MIN_NORMALS:
        raise DataError(
            f"{dataset.root}: {n_usable} of {len(train)} images to learn from are normal or unlabeled; "
            f"at least {MIN_NORMALS} are needed to tell what is normal"
        )
    return train
