"""The bundle: save, load."""

from defectory.artifacts.bundle import SCHEMA_VERSION, Bundle, load_bundle, save_bundle

__all__ = ["SCHEMA_VERSION", "Bundle", "load_bundle", "save_bundle"]
