"""The graph of a whole decision: what goes in, what comes out, and what is said of it."""

from collections.abc import Callable, Sequence

import numpy as np
import spox.opset.ai.onnx.v18 as op
from spox import Tensor, Var, argument, build

from defectory.backbones import Backbone, View
from defectory.detectors.decision_graphs import IMAGE, MAP, SCORE
from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import extract, network_of, shape_of
from defectory.detectors.decision_graphs.preparation import prepare
from defectory.detectors.grids import smoothing_matrix


def build_decision_graph(
    views: Sequence[View], backbone: Backbone, judge: Callable[..., tuple[Var, Var | None]]
) -> bytes:
    """Return an ONNX model, from one decoded image to its score, and its map where there is one.

    Parameters
    ----------
    views : how images are shown to the backbone
    backbone : frozen; its weights are in the graph once
    judge : stages of each view -> score (), and map (rows, columns) or None, float32
    """
    image = argument(Tensor(np.dtype(np.uint8), ("height", "width", 3)))
    run = network_of(backbone)
    score, heat = judge(*(extract(prepare(image, view), view, backbone, run) for view in views))
    outputs = {SCORE: op.reshape(score, i64([]))} | ({} if heat is None else {MAP: heat})
    model: bytes = build({IMAGE: image}, outputs).SerializeToString()
    return model


def enlarge(cells: Var, factor: int, sigma: float) -> Var:
    """Return (f r, f c) of (r, c); see `grids.enlarge`."""
    down, across = (smoothing_matrix(n, n * factor, sigma) for n in shape_of(cells))
    return op.matmul(op.matmul(f32(down), cells), f32(across.T))
