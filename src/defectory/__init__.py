"""Label-efficient visual anomaly and defect detection.

>>> import defectory
>>> model = defectory.fit("parts/")                        # doctest: +SKIP
>>> model.save("parts.defectory")                          # doctest: +SKIP
>>> defectory.load("parts.defectory").score(["new.png"])   # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from defectory.api.fit import fit
    from defectory.domain import DefectoryError, Label
    from defectory.workflows.calibrated import CalibratedDetector as Model
    from defectory.workflows.calibrated import load_calibrated as load
    from defectory.workflows.fitting.options import FitOptions

__all__ = ["DefectoryError", "FitOptions", "Label", "Model", "__version__", "fit", "load"]

_HOMES = {
    "DefectoryError": ("defectory.domain", "DefectoryError"),
    "FitOptions": ("defectory.workflows.fitting.options", "FitOptions"),
    "Label": ("defectory.domain", "Label"),
    "Model": ("defectory.workflows.calibrated", "CalibratedDetector"),
    "fit": ("defectory.api.fit", "fit"),
    "load": ("defectory.workflows.calibrated", "load_calibrated"),
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: `defectory --help` must not wait for them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'defectory' has no attribute {name!r}")
    import importlib

    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)
