"""The bundle: save, load, and what it says of itself."""

from defectory.artifacts.bundle import (
    BUNDLE_FILE,
    Bundle,
    Calibration,
    is_bundle,
    load_bundle,
    save_bundle,
    write_bundle,
)
from defectory.artifacts.facts import (
    CONTENT_DIGITS,
    BundleFacts,
    LabelCounts,
    Promise,
    RecordedSuspect,
    TrainingData,
    UpdateRecord,
)
from defectory.artifacts.manifest import SCHEMA_VERSION

__all__ = [
    "BUNDLE_FILE",
    "CONTENT_DIGITS",
    "SCHEMA_VERSION",
    "Bundle",
    "BundleFacts",
    "Calibration",
    "LabelCounts",
    "Promise",
    "RecordedSuspect",
    "TrainingData",
    "UpdateRecord",
    "is_bundle",
    "load_bundle",
    "save_bundle",
    "write_bundle",
]
