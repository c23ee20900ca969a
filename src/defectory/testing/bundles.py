"""A bundle of a fitted detector, with facts of a small fit."""

from datetime import UTC, datetime

from defectory import __version__
from defectory.artifacts import Bundle, BundleFacts, Promise, TrainingData
from defectory.detectors import Detector


def bundle_of(detector: Detector) -> Bundle:
    """Return a bundle with the scores that the detector held out; the same for the same detector."""
    facts = BundleFacts(
        defectory_version=__version__,
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        seed=0,
        weights=detector.backbone_.card.id,
        data=TrainingData("f" * 64, "arrays", 12),
    )
    return Bundle(detector, detector.held_out_, Promise(0.01, 0.95), facts)
