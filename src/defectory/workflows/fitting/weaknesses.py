"""Why what a fit learns may be weak, though nothing stops it: `inspect` says the same, and more."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.sources import Dataset
from defectory.sources.fit_findings import check_training

_FEW_DISTINCT = 0.5


def weak_labels(dataset: Dataset) -> tuple[str, ...]:
    """Return what looks odd about the labels and groups to learn from, a note each."""
    return tuple(f"{finding.message}; {finding.advice}" for finding in check_training(dataset))


def weak_variety(train: Dataset, held_out_scores: NDArray[np.float32]) -> Iterator[str]:
    """Yield why the images do not differ enough for a threshold, a note each.

    Parameters
    ----------
    train : what was learned from
    held_out_scores : of its normal and unlabeled images
    """
    images = train.images()
    usable = [i for i, s in enumerate(train.samples) if s.label is not Label.ANOMALOUS]
    n_distinct = len({images.fingerprint(i) for i in usable})
    if len(usable) > 1 and n_distinct <= _FEW_DISTINCT * len(usable):
        yield (
            f"only {n_distinct} of the {len(usable)} images to learn from differ, the others are exact "
            "copies, and the threshold cannot be trusted; add pictures of other good parts"
        )
    elif len(held_out_scores) > 1 and np.ptp(held_out_scores) == 0:
        yield (
            "all images to learn from look the same to the detector, and the threshold cannot be trusted; "
            "add pictures of other good parts"
        )
