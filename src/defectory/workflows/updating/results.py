"""What an update gives back: a detector, and which decisions changed."""

from dataclasses import dataclass
from typing import Any

from defectory.calibration import Threshold
from defectory.domain import Label
from defectory.domain.scores import finite_or_none
from defectory.workflows.calibrated import CalibratedDetector


@dataclass(frozen=True)
class CheckedImage:
    """An image whose label is confirmed, and what was and is decided of it.

    Attributes
    ----------
    name : as in the data set or the labels; first hex digits of its hash where that is not known
    label : normal or anomalous
    before, after : raw image scores; of images of the fit by models without them, as people were shown, of
        others by the old model and by the new one, which has learned from them
    was_rejected, is_rejected : decisions at the threshold before, and at the new one
    """

    name: str
    label: Label
    before: float
    after: float
    was_rejected: bool
    is_rejected: bool

    @property
    def flips(self) -> bool:
        """Whether the decision changed."""
        return self.was_rejected != self.is_rejected

    @property
    def is_right(self) -> bool:
        """Whether the new decision agrees with the label."""
        return self.is_rejected == (self.label == Label.ANOMALOUS)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        known = {**vars(self), "label": self.label.name.lower()}
        return {**known, "flips": self.flips, "is_right": self.is_right}


@dataclass(frozen=True)
class Effect:
    """What the labels change, judged on scores of models that have not learned from the image.

    Attributes
    ----------
    n_defects : newly confirmed defects; what was confirmed before tells nothing new
    n_found_before, n_found_after : of these, rejected at the threshold before, and at the new one
    n_good, n_false_before, n_false_after : likewise of newly confirmed good images
    n_good_among : images among which those were chosen: all of the fit, where they are of it, since a person
        is asked about suspicious ones first; else themselves
    """

    n_defects: int
    n_found_before: int
    n_found_after: int
    n_good: int
    n_false_before: int
    n_false_after: int
    n_good_among: int

    def n_false_allowed(self, false_reject_rate: float) -> int:
        """Return how many of the good images may be rejected: one more than before or than promised."""
        return int(max(self.n_false_before, false_reject_rate * self.n_good_among)) + 1

    def why_worse(self, false_reject_rate: float) -> str:
        """Return why the update makes decisions worse, in a plain sentence; empty where it does not.

        Parameters
        ----------
        false_reject_rate : that may be had anyway
        """
        if self.n_found_after < self.n_found_before:
            return (
                f"of {self.n_defects} newly confirmed defects, {self.n_found_before} are found before and "
                f"{self.n_found_after} after it (by models that have not learned from them)"
            )
        if self.n_false_after > self.n_false_allowed(false_reject_rate):
            promised = false_reject_rate * self.n_good_among
            return (
                f"of {self.n_good} newly confirmed good images, {self.n_false_before} are rejected before "
                f"and {self.n_false_after} after it (by models that have not learned from them); of the "
                f"{self.n_good_among} that they were chosen among, {promised:.1f} may be"
            )
        return ""


@dataclass(frozen=True)
class Update:
    """What `update` gives back.

    Attributes
    ----------
    model : with the labels; the one it came from is unchanged
    n_normal, n_anomalous, n_masks : labels that were taken, and masks among them
    threshold_before : of the model it came from
    checked : every image with a confirmed label, old and new
    account : what there is to learn from now and what was done with it, in plain lines
    effect : what the labels change, on images held out
    wall_s : seconds
    notes : what was assumed of the labels, and rows that are not answered
    """

    model: CalibratedDetector
    n_normal: int
    n_anomalous: int
    n_masks: int
    threshold_before: Threshold
    checked: tuple[CheckedImage, ...]
    account: tuple[str, ...]
    effect: Effect
    wall_s: float
    notes: tuple[str, ...] = ()

    @property
    def n_labels(self) -> int:
        """How many labels were taken."""
        return self.n_normal + self.n_anomalous

    @property
    def flips(self) -> tuple[CheckedImage, ...]:
        """Images whose decision changed."""
        return tuple(image for image in self.checked if image.flips)

    @property
    def still_wrong(self) -> tuple[CheckedImage, ...]:
        """Images that were decided wrongly before and are still."""
        return tuple(image for image in self.checked if not image.is_right and not image.flips)

    def to_dict(self) -> dict[str, Any]:
        """Return all but the model as JSON-ready data; an infinite threshold is null."""
        threshold = self.model.threshold
        return {
            "n_labels": self.n_labels,
            "n_normal": self.n_normal,
            "n_anomalous": self.n_anomalous,
            "n_masks": self.n_masks,
            "threshold": finite_or_none(threshold.value),
            "threshold_before": finite_or_none(self.threshold_before.value),
            "promise": threshold.explain(),
            "n_confirmed": len(self.checked),
            "flips": [image.to_dict() for image in self.flips],
            "still_wrong": [image.to_dict() for image in self.still_wrong],
            "held_out": vars(self.effect),
            "trade_offs": [row.to_dict() for row in self.model.trade_offs],
            "account": list(self.account),
            "notes": list(self.notes),
            "wall_s": self.wall_s,
        }
