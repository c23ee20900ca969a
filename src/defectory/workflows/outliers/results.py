"""Settings of `outliers`, and what it found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.mcod import Mcod
from defectory.workflows.outliers.collection import Collection
from defectory.workflows.outliers.ratio import RatioEstimate


@dataclass(frozen=True)
class OutlierOptions:
    """Settings of `find_outliers`, as on the command line.

    Attributes
    ----------
    encoder, size_px, n_slots, augmentation, seed : see `Mcod`
    ratio : (0, .5], share of the images to list; None estimates it from the scores
    n_groups : groups of alike outliers; None finds a number
    time_budget_s : > 0, or None; training is planned shorter where the whole would take longer
    max_memory_bytes : > 0, or None; fewer images are read at once, or it is refused
    skip_unreadable : leave out images that cannot be read, and say which
    use_cache : keep features on disk for the next run, and training where an interrupted run can go on
    device : what networks are trained on, see TrainingResources
    """

    encoder: str = "packaged"
    size_px: int = 96
    n_slots: int = 10
    augmentation: str = "auto"
    seed: int = 0
    ratio: float | None = None
    n_groups: int | None = None
    time_budget_s: float | None = None
    max_memory_bytes: int | None = None
    skip_unreadable: bool = False
    use_cache: bool = True
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class Outliers:
    """A collection, judged.

    Attributes
    ----------
    collection : names and images
    detector : that learned from it
    scores : (n,) higher = odder
    slots : (n,) number of the slot each image mostly reads, from 1
    groups : (n,) number of the group of alike outliers, 0 for images that are not listed
    estimate : how many are listed, and why
    order : (n,) indices, oddest first
    """

    collection: Collection
    detector: Mcod
    scores: NDArray[np.float32]
    slots: NDArray[np.intp]
    groups: NDArray[np.intp]
    estimate: RatioEstimate
    order: NDArray[np.intp]
    options: OutlierOptions
    wall_s: float

    @property
    def listed(self) -> NDArray[np.intp]:
        """Indices of the outliers, oddest first."""
        return self.order[self.groups[self.order] > 0]

    def explain_ratio(self) -> str:
        """Return where the number of outliers comes from."""
        if self.options.ratio is not None:
            return "the share was given"
        return self.estimate.explain()
