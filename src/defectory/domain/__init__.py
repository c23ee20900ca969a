"""What every room speaks of: labels, images, scores, decisions, errors. NumPy only, no I/O.

Shape letters used in every docstring of the project: n images, c channels, h w pixels (or cells of a
feature grid), d feature width, m bank rows, k neighbors.
"""

from typing import TYPE_CHECKING

from defectory.domain.errors import (
    BundleError,
    CheckpointError,
    DataError,
    DefectoryError,
    ExportError,
    ImageReadError,
    ManifestError,
    MaskError,
    MissingExtraError,
    NotFittedError,
    OutputError,
    ParameterError,
    PluginError,
    ResourceError,
    ShardsError,
    WorseError,
)
from defectory.domain.images import ArrayImages, ImageSource, Label, MaskSource
from defectory.domain.progress import NoProgress, Progress
from defectory.domain.providers import Provider
from defectory.domain.scores import (
    CONTENT_DIGITS,
    Decision,
    DefectScores,
    HeldOutScores,
    Region,
    Scores,
    members_of,
    number_groups,
    own_groups,
)
from defectory.domain.settings import check_settings
from defectory.lazy_names import lazy_names

if TYPE_CHECKING:
    from defectory.domain.resources import DEVICES, TrainingResources
    from defectory.domain.suspects import Suspect

__all__ = [
    "CONTENT_DIGITS",
    "DEVICES",
    "ArrayImages",
    "BundleError",
    "CheckpointError",
    "DataError",
    "Decision",
    "DefectScores",
    "DefectoryError",
    "ExportError",
    "HeldOutScores",
    "ImageReadError",
    "ImageSource",
    "Label",
    "ManifestError",
    "MaskError",
    "MaskSource",
    "MissingExtraError",
    "NoProgress",
    "NotFittedError",
    "OutputError",
    "ParameterError",
    "PluginError",
    "Progress",
    "Provider",
    "Region",
    "ResourceError",
    "Scores",
    "ShardsError",
    "Suspect",
    "TrainingResources",
    "WorseError",
    "check_settings",
    "members_of",
    "number_groups",
    "own_groups",
]

# of fits alone
__getattr__ = lazy_names(
    __name__,
    {
        "defectory.domain.resources": ("DEVICES", "TrainingResources"),
        "defectory.domain.suspects": ("Suspect",),
    },
)
