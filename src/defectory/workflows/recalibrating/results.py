"""What a recalibration gives back: a model, and what its threshold was and is."""

from dataclasses import dataclass
from typing import Any

from defectory.calibration import Threshold
from defectory.domain.scores import finite_or_none
from defectory.workflows.calibrated import CalibratedDetector


@dataclass(frozen=True)
class Recalibration:
    """What `recalibrate` gives back.

    Attributes
    ----------
    model : with the new threshold; the one it came from is unchanged
    n_images : good images that the threshold was fitted on, beside earlier ones where these were kept
    n_rejected_before : of them, by the threshold before
    n_rejected : of them, by the new threshold
    threshold_before : of the model it came from
    wall_s : seconds
    notes : what was assumed of the images, and what was left out
    """

    model: CalibratedDetector
    n_images: int
    n_rejected_before: int
    n_rejected: int
    threshold_before: Threshold
    wall_s: float
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all but the model as JSON-ready data; an infinite threshold is null."""
        threshold, before = self.model.threshold, self.threshold_before
        return {
            "n_images": self.n_images,
            "n_rejected_before": self.n_rejected_before,
            "n_rejected": self.n_rejected,
            "threshold_before": finite_or_none(before.value),
            "threshold": threshold.value,
            "promise_before": before.explain(),
            "promise": threshold.explain(),
            "is_kept": threshold.is_kept,
            "notes": list(self.notes),
            "wall_s": self.wall_s,
        }
