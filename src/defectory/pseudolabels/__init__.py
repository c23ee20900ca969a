"""Labels for unlabeled samples: one-class ensembles, partial matching. NumPy only.

Higher scores are more anomalous, here as everywhere.
"""

from defectory.pseudolabels.contamination import (
    Contamination,
    estimate_contamination,
    is_contaminated,
)
from defectory.pseudolabels.labeler import PseudoLabeler
from defectory.pseudolabels.matching import (
    match_lower,
    match_upper,
    percentile_thresholds,
)
from defectory.pseudolabels.one_class import ShrunkGaussian
from defectory.pseudolabels.results import PseudoLabels
from defectory.pseudolabels.whitening import PooledWhitening

__all__ = [
    "Contamination",
    "PooledWhitening",
    "PseudoLabeler",
    "PseudoLabels",
    "ShrunkGaussian",
    "estimate_contamination",
    "is_contaminated",
    "match_lower",
    "match_upper",
    "percentile_thresholds",
]
