"""Predictions as a table for notebooks, with small pictures of the highest scores."""

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from defectory.domain import DefectoryError

if TYPE_CHECKING:
    from defectory.api.predictions import Predictions

_MAX_ROWS = 8
_PICTURE_PX = 128
_OUTCOMES = {"accepted": "accepted", "review": "to look at", "rejected": "<b>rejected</b>"}


def render_table(predictions: "Predictions") -> str:
    """Return an HTML table of the images with the highest scores, highest first."""
    highest = np.argsort(-predictions.scores, kind="stable")[:_MAX_ROWS].tolist()
    shown = (
        "" if len(highest) == len(predictions) else f", the {len(highest)} highest scores are shown"
    )
    rows = "".join(_row(predictions, place) for place in highest)
    return (
        f"<p>{escape(repr(predictions))}{shown}</p><table><thead><tr><th></th><th>image</th>"
        f"<th>score</th><th>decision</th><th>regions</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(predictions: "Predictions", place: int) -> str:
    decision = predictions[place]
    cells = (
        _picture(predictions, place),
        escape(predictions.names[place]),
        f"{decision.score:.4g}",
        _OUTCOMES[decision.outcome],
        str(len(decision.regions)),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _picture(predictions: "Predictions", place: int) -> str:
    try:
        picture = predictions.overlay(place)
    except DefectoryError:  # the file is gone; what was decided of it still stands
        return ""
    picture.thumbnail((_PICTURE_PX, _PICTURE_PX))
    target = io.BytesIO()
    picture.save(target, format="jpeg", quality=85)
    data = base64.b64encode(target.getvalue()).decode("ascii")
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
