"""What callers give to learn from or to judge -> a data set, or one line that says what to do."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from defectory.api.images import Images, read_images
from defectory.api.labels import Groups, Labels, Masks, read_groups, read_labels, read_masks
from defectory.api.settings import check_words
from defectory.api.wording import python_words
from defectory.domain import Label, MaskSource, ParameterError
from defectory.domain.images import Mask
from defectory.workflows.given import dataset_of, read_data

if TYPE_CHECKING:
    from defectory.sources import Dataset


def as_dataset(
    images: Images,
    labels: Labels | None = None,
    masks: Masks | None = None,
    groups: Groups | None = None,
    *,
    good_words: Collection[str] = (),
    bad_words: Collection[str] = (),
) -> "Dataset":
    """Return a folder or manifest as the command line reads it, or anything else with what is known of it.

    Raises
    ------
    ParameterError : something has a wrong type, shape or length.
    DataError : something is not there, not readable or not understood.
    """
    check_words(good_words=good_words, bad_words=bad_words)
    given = read_images(images)
    if isinstance(given, Path):
        for name, value in (("labels", labels), ("masks", masks), ("groups", groups)):
            if value is not None:
                raise ParameterError(
                    f"{name} go with a list of images; {given} says itself what its images are"
                )
        with python_words():
            return read_data(given, good_words, bad_words)
    n = len(given)
    codes, read = read_labels(labels, n, good_words, bad_words), read_masks(masks, n)
    if masks is not None and (codes == Label.UNLABELED).all():
        raise ParameterError("masks need labels: say which images are good and which defective")
    _refuse_marked_good_parts(codes, read)
    return dataset_of(given, codes, read, read_groups(groups, n))


def _refuse_marked_good_parts(
    codes: NDArray[np.int8], masks: Sequence[Mask | Path | None] | MaskSource
) -> None:
    if isinstance(masks, Sequence):
        for i, mask in enumerate(masks):
            if isinstance(mask, np.ndarray) and codes[i] == Label.NORMAL and mask.any():
                raise ParameterError(f"image {i} is labeled normal, but its mask marks a defect")
