"""The bundle: save, load, and what it says of itself."""

from defectory.artifacts.bundle import (
    BUNDLE_FILE,
    Bundle,
    is_bundle,
    load_bundle,
    save_bundle,
    write_bundle,
)
from defectory.artifacts.manifest import (
    SCHEMA_VERSION,
    BundleFacts,
    LabelCounts,
    Promise,
    RecalibrationRecord,
    RecordedSuspect,
    TrainingData,
    UpdateRecord,
)

__all__ = [
    "BUNDLE_FILE",
    "SCHEMA_VERSION",
    "Bundle",
    "BundleFacts",
    "LabelCounts",
    "Promise",
    "RecalibrationRecord",
    "RecordedSuspect",
    "TrainingData",
    "UpdateRecord",
    "is_bundle",
    "load_bundle",
    "save_bundle",
    "write_bundle",
]
