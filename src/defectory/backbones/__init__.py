"""Frozen feature extractors: weight card, ONNX Runtime engine, feature cache."""

from defectory.backbones.camera_noise import measure_noise
from defectory.backbones.cards import Stage, WeightCard
from defectory.backbones.engine import Backbone, Features, View
from defectory.backbones.feature_cache import (
    DEFAULT_CACHE_BYTES,
    FeatureCache,
)
from defectory.backbones.kept_features import FeatureStore, KeptFeatures
from defectory.backbones.memory_estimates import feature_bytes, library_bytes, reader_bytes
from defectory.backbones.sessions import open_session
from defectory.backbones.weights import DEFAULT_BACKBONE, load_backbone

__all__ = [
    "DEFAULT_BACKBONE",
    "DEFAULT_CACHE_BYTES",
    "Backbone",
    "FeatureCache",
    "FeatureStore",
    "Features",
    "KeptFeatures",
    "Stage",
    "View",
    "WeightCard",
    "feature_bytes",
    "library_bytes",
    "load_backbone",
    "measure_noise",
    "open_session",
    "reader_bytes",
]
