"""Frozen feature extractors: weight card, ONNX Runtime engine; what fits need besides is in the modules."""

from defectory.backbones.cards import DEFAULT_BACKBONE, Stage, WeightCard
from defectory.backbones.engine import Backbone, Features, View
from defectory.backbones.kept_features import FeatureStore, KeptFeatures
from defectory.backbones.sessions import Network, time_limit

__all__ = [
    "DEFAULT_BACKBONE",
    "Backbone",
    "FeatureStore",
    "Features",
    "KeptFeatures",
    "Network",
    "Stage",
    "View",
    "WeightCard",
    "time_limit",
]
