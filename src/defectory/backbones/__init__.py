"""Frozen feature extractors: weight card, ONNX Runtime engine; what fits need besides is in the modules."""

from typing import TYPE_CHECKING

from defectory.backbones.cards import DEFAULT_BACKBONE, Stage, WeightCard
from defectory.backbones.engine import Backbone, Features, View
from defectory.backbones.sessions import Network, time_limit
from defectory.lazy_names import lazy_names

if TYPE_CHECKING:
    from defectory.backbones.kept_features import FeatureStore, KeptFeatures
    from defectory.backbones.weights import load_backbone

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
    "load_backbone",
    "time_limit",
]

# scoring a bundle loads no other weights, and keeps no features
__getattr__ = lazy_names(
    __name__,
    {
        "defectory.backbones.kept_features": ("FeatureStore", "KeptFeatures"),
        "defectory.backbones.weights": ("load_backbone",),
    },
)
