"""One row an image: what is said of it in every format."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from defectory.domain import Decision
from defectory.domain.scores import AnomalyMap
from defectory.storage import readable_name
from defectory.workflows.calibrated import CalibratedDetector

Row = dict[str, Any]
"""JSON-ready: image, score, threshold, is_anomalous, p_value, p_value_basis, regions, error.

With a gray zone outcome and accept_threshold, too; heatmap and is_discovery where they are asked for.
"""


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """One image that was scored; `decision` is None where it could not be read.

    Attributes
    ----------
    name : path relative to the scored folder
    path : the file
    decision : with regions in pixels of the original
    heat : anomaly map
    error : why the image could not be read
    """

    name: str
    path: Path
    decision: Decision | None
    heat: AnomalyMap | None = field(default=None, repr=False)
    error: str = ""


def make_row(item: ScoredImage, model: CalibratedDetector) -> Row:
    """Return the row of an image; all text in it is valid Unicode.

    A name whose bytes are no UTF-8 is spelled out in `image`, and in full, as hex digits, in `image_bytes`.

    Parameters
    ----------
    model : that scored it
    """
    image = readable_name(item.name)
    row: Row = {
        "image": image,
        **describe_decision(item.decision, model),
        "error": readable_name(item.error) or None,
    }
    if image != item.name:
        row["image_bytes"] = os.fsencode(item.name).hex()
    return row


def describe_decision(decision: Decision | None, model: CalibratedDetector) -> Row:
    """Return what a row says of a decision by a model, JSON-ready; None throughout where there is none."""
    if decision is None:
        known: Row = dict.fromkeys(
            ("score", "threshold", "is_anomalous", "p_value", "p_value_basis")
        )
    else:
        known = {
            "score": decision.score,
            "threshold": _finite(decision.threshold),
            "is_anomalous": decision.is_anomalous,
            "p_value": float(model.p_values.of(decision.score)),
            "p_value_basis": model.p_values.basis,
        }
    if model.gray_zone is not None:
        known["outcome"] = None if decision is None else decision.outcome
        known["accept_threshold"] = None if decision is None else _finite(decision.accept_threshold)
    known["regions"] = [] if decision is None else [asdict(region) for region in decision.regions]
    return known


def _finite(threshold: float | None) -> float | None:
    """Return the threshold; None where there was nothing to fit one on: infinity has no place in JSON."""
    return threshold if threshold is not None and np.isfinite(threshold) else None
