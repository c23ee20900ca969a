"""What a detector says of images, and what is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

AnomalyMap = NDArray[np.float32]
"""(h, w) float32 on the detector's grid, higher = more anomalous; it covers the whole image."""


@dataclass(frozen=True)
class Scores:
    """Raw scores of n images; never rescaled by a threshold.

    Attributes
    ----------
    image_scores : (n,) float32, higher = more anomalous
    anomaly_maps : n arrays (h, w) float32 over the whole image each, or None for a detector that does not
        localize. Their resolution is the detector's `map_size_px`, not the image's.
    """

    image_scores: NDArray[np.float32]
    anomaly_maps: Sequence[AnomalyMap] | None = None

    def __len__(self) -> int:
        return len(self.image_scores)


@dataclass(frozen=True)
class Region:
    """One connected defect region, in pixels of the original image.

    Attributes
    ----------
    x_px, y_px, width_px, height_px : bounding box, left upper corner and size
    area_px : how many pixels exceed the pixel threshold
    peak_x_px, peak_y_px : where the anomaly map is highest
    peak_score : the map's value there
    """

    x_px: int
    y_px: int
    width_px: int
    height_px: int
    area_px: int
    peak_x_px: int
    peak_y_px: int
    peak_score: float


Outcome = Literal["accepted", "review", "rejected"]
"""What becomes of an image; review: a person is to look at it."""


@dataclass(frozen=True)
class Decision:
    """Accept or reject of one image, or neither, with the raw score that led to it.

    Attributes
    ----------
    score : raw score; higher = more anomalous
    threshold : a score above it is rejected; infinite where there were no good images to fit it on
    is_anomalous : whether the image is rejected
    regions : where, highest peak first; empty where it is accepted, or the detector does not localize
    accept_threshold : a score from it up to `threshold` is for a person to look at; minus infinity where no
        defects were known to fit it on; None where nothing is for a person
    """

    score: float
    threshold: float
    is_anomalous: bool
    regions: tuple[Region, ...] = ()
    accept_threshold: float | None = None

    @property
    def outcome(self) -> Outcome:
        """Whether the image is accepted, rejected, or between the two: to be looked at."""
        if self.is_anomalous:
            return "rejected"
        is_clear = self.accept_threshold is None or self.score < self.accept_threshold
        return "accepted" if is_clear else "review"
