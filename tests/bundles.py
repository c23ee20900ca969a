"""Bundles for tests: any detector with its calibration, and facts of a small fit."""

from datetime import UTC, datetime

from defectory.artifacts import Bundle, BundleFacts, Promise, TrainingData
from defectory.domain import HeldOutScores

PROMISE = Promise(0.01, 0.95)
DATA = TrainingData("f" * 64, "mvtec", 8)


def facts_of(**changes):
    """Facts of a fit in January 2026, changed where wanted."""
    plain = {
        "defectory_version": "0.1.0",
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "seed": 0,
        "weights": "efficientnet-lite0@0123456789ab",
        "data": DATA,
    }
    return BundleFacts(**{**plain, **changes})


def calibration_of(scores, peaks=()):
    """Held-out scores and peaks as float32."""
    return HeldOutScores.of(scores, peaks)


def bundle_of(detector, *, scores=None, promise=PROMISE, **facts):
    """A bundle of a fitted detector, by default with the scores that it held out."""
    calibration = detector.held_out_ if scores is None else calibration_of(scores)
    return Bundle(detector, calibration, promise, facts_of(**facts))
