"""Label-efficient visual anomaly and defect detection.

>>> import defectory
>>> model = defectory.fit("parts/")                          # doctest: +SKIP
>>> model.save("parts.defectory")                            # doctest: +SKIP
>>> defectory.load("parts.defectory").predict("new.png")     # doctest: +SKIP
"""

from typing import TYPE_CHECKING

from defectory.lazy_names import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from defectory.api.alarms import Alarm
    from defectory.api.exports import verify
    from defectory.api.fit import fit
    from defectory.api.model import Model, load
    from defectory.api.predictions import Predictions
    from defectory.api.updates import Update
    from defectory.api.warnings import DefectoryWarning
    from defectory.artifacts.exported import Certificate
    from defectory.calibration import Threshold
    from defectory.detectors.auto import Auto
    from defectory.detectors.base import Detector
    from defectory.detectors.gaussian import Gaussian
    from defectory.detectors.mapl import Mapl
    from defectory.detectors.mcod import Mcod
    from defectory.detectors.memseg import MemSeg
    from defectory.detectors.patch_memory import PatchMemory
    from defectory.domain import (
        BundleError,
        CheckpointError,
        DataError,
        Decision,
        DefectoryError,
        ExportError,
        ImageReadError,
        ImageSource,
        Label,
        ManifestError,
        MaskError,
        MaskSource,
        MissingExtraError,
        NotFittedError,
        OutputError,
        ParameterError,
        PluginError,
        Progress,
        Region,
        ResourceError,
        ShardsError,
        WorseError,
    )
    from defectory.workflows.evaluation.results import Evaluation

_HOMES = {
    "defectory.api.alarms": ("Alarm",),
    "defectory.api.exports": ("verify",),
    "defectory.api.fit": ("fit",),
    "defectory.api.model": ("Model", "load"),
    "defectory.api.predictions": ("Predictions",),
    "defectory.api.updates": ("Update",),
    "defectory.api.warnings": ("DefectoryWarning",),
    "defectory.artifacts.exported": ("Certificate",),
    "defectory.calibration": ("Threshold",),
    "defectory.detectors.auto": ("Auto",),
    "defectory.detectors.base": ("Detector",),
    "defectory.detectors.gaussian": ("Gaussian",),
    "defectory.detectors.mapl": ("Mapl",),
    "defectory.detectors.mcod": ("Mcod",),
    "defectory.detectors.memseg": ("MemSeg",),
    "defectory.detectors.patch_memory": ("PatchMemory",),
    "defectory.domain": (
        "BundleError", "CheckpointError", "DataError", "Decision", "DefectoryError", "ExportError",
        "ImageReadError",
        "ImageSource", "Label", "ManifestError", "MaskError", "MaskSource", "MissingExtraError",
        "NotFittedError", "OutputError", "ParameterError", "PluginError", "Progress", "Region",
        "ResourceError", "ShardsError", "WorseError",
    ),
    "defectory.workflows.evaluation.results": ("Evaluation",),
}  # fmt: skip

__all__ = [
    "Alarm",
    "Auto",
    "BundleError",
    "Certificate",
    "CheckpointError",
    "DataError",
    "Decision",
    "DefectoryError",
    "DefectoryWarning",
    "Detector",
    "Evaluation",
    "ExportError",
    "Gaussian",
    "ImageReadError",
    "ImageSource",
    "Label",
    "ManifestError",
    "Mapl",
    "MaskError",
    "MaskSource",
    "Mcod",
    "MemSeg",
    "MissingExtraError",
    "Model",
    "NotFittedError",
    "OutputError",
    "ParameterError",
    "PatchMemory",
    "PluginError",
    "Predictions",
    "Progress",
    "Region",
    "ResourceError",
    "ShardsError",
    "Threshold",
    "Update",
    "WorseError",
    "__version__",
    "fit",
    "load",
    "verify",
]


# `defectory --help` must not wait for them
__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
