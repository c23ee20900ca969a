"""Frozen feature extractors: weight card, ONNX Runtime engine; what fits need besides is in the modules."""

from typing import TYPE_CHECKING, Any

from defectory.backbones.cards import DEFAULT_BACKBONE, Stage, WeightCard
from defectory.backbones.engine import Backbone, Features, View
from defectory.backbones.kept_features import FeatureStore, KeptFeatures
from defectory.backbones.sessions import Network
from defectory.backbones.time_limits import time_limit

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import what loads backbones when it is first used: scoring a bundle needs none of it."""
    if name != "load_backbone":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from defectory.backbones import weights

    return weights.load_backbone
