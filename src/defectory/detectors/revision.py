"""What comes of new labels: another detector, and how images with a label scored before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.base import Detector
from defectory.domain import ImageSource, MaskSource, Progress


@dataclass(frozen=True)
class Confirmed:
    """An image with a confirmed label.

    Attributes
    ----------
    name : first 12 hex digits of the fingerprint of its content
    label : code of Label, as it is now
    before, after : raw image scores
    left_out_before, left_out_after : by models that have not learned from it
        None where the old model has, of labels that it was taught earlier, and where all defects are of one
        group, which the new model has learned from
    """

    name: str
    label: int
    before: float
    after: float
    left_out_before: float | None = None
    left_out_after: float | None = None


@dataclass(frozen=True)
class Revision:
    """A detector that has taken new labels.

    Attributes
    ----------
    detector : fitted; the one it came from is unchanged
    confirmed : all images with a confirmed label, old and new
    """

    detector: Detector
    confirmed: tuple[Confirmed, ...]


@runtime_checkable
class TakesLabels(Protocol):
    """A detector that can learn from labels after its fit."""

    def update(
        self,
        images: ImageSource,
        labels: Sequence[int] | NDArray[np.integer] | None = None,
        masks: MaskSource | None = None,
        *,
        groups: Sequence[int] | NDArray[np.integer] | None = None,
        progress: Progress | None = None,
    ) -> Revision:
        """Return a new detector that has learned from the labels; see Revision."""
