"""The bundle: save, load."""

from defectory.artifacts.bundle import (
    BUNDLE_FILE,
    SCHEMA_VERSION,
    Bundle,
    load_bundle,
    save_bundle,
    write_bundle,
)

__all__ = [
    "BUNDLE_FILE",
    "SCHEMA_VERSION",
    "Bundle",
    "load_bundle",
    "save_bundle",
    "write_bundle",
]
