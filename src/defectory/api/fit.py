"""`defectory.fit`."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from defectory.domain import ParameterError, Progress
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions


def fit(
    data: Path | str, *, progress: Progress | None = None, **options: Any
) -> CalibratedDetector:
    """Return a model fitted on a folder or manifest: `fit_dataset` for a script or notebook.

    Parameters
    ----------
    data : folder (MVTec layout, labeled tree, or just images) or CSV/JSONL manifest
    options : the fields of FitOptions, such as detector="gaussian", false_reject_rate=0.01

    Raises
    ------
    ParameterError : an option that FitOptions does not have, or out of its range; see also `fit_dataset`.
    """
    known = {entry.name for entry in fields(FitOptions)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise ParameterError(f"fit has no option {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return fit_dataset(data, FitOptions(**options), progress=progress).model
