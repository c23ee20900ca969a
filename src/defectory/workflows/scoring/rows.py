"""One row an image: what is said of it in every format."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from defectory.domain import Decision
from defectory.domain.scores import AnomalyMap
from defectory.storage import readable_name

Row = dict[str, Any]
"""JSON-ready: image, score, threshold, is_anomalous, regions, error; heatmap where there are any."""


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


def make_row(item: ScoredImage) -> Row:
    """Return the row of an image; all text in it is valid Unicode.

    A name whose bytes are no UTF-8 is spelled out in `image`, and in full, as hex digits, in `image_bytes`.
    """
    decision, image = item.decision, readable_name(item.name)
    row: Row = {
        "image": image,
        "score": None if decision is None else decision.score,
        # an infinite threshold (no normals to fit one on) has no place in JSON
        "threshold": None
        if decision is None or not np.isfinite(decision.threshold)
        else decision.threshold,
        "is_anomalous": None if decision is None else decision.is_anomalous,
        "regions": [] if decision is None else [asdict(region) for region in decision.regions],
        "error": readable_name(item.error) or None,
    }
    if image != item.name:
        row["image_bytes"] = os.fsencode(item.name).hex()
    return row
