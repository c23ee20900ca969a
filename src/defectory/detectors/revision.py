"""What comes of new labels: another detector, and how images with a label scored before and after."""

from dataclasses import dataclass

from defectory.detectors.base import Detector


@dataclass(frozen=True)
class Confirmed:
    """An image with a confirmed label.

    Attributes
    ----------
    name : first 12 hex digits of the fingerprint of its content
    label : code of Label, as it is now
    before, after : raw image scores
    """

    name: str
    label: int
    before: float
    after: float


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
