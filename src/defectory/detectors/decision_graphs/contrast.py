"""`mcod` as a graph: features and slots of an image, and what memory leaves over. It has no map."""

import numpy as np
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.detectors.contrast.encoding import FEATURES, GRID_SIDE, SLOTS, PackagedEncoder
from defectory.detectors.contrast.projection import Float, Projection, cell_edges
from defectory.detectors.contrast.reading import Reading
from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import Stages, shape_of


def judge(stages: Stages, encoder: PackagedEncoder | None, reading: Reading) -> Var:
    """Return the score (1,); see `Mcod.score`.

    Parameters
    ----------
    encoder : of frozen features; None where the network gives features and slots itself
    """
    if encoder is None:
        features, slots = (op.reshape(stages[name], i64([1, -1])) for name in (FEATURES, SLOTS))
    else:
        features, slots = _encode(stages, encoder)
    read = op.matmul(op.softmax(slots, axis=1), f32(reading.memory))
    left_over = op.sub(op.sub(features, read), f32(reading.center))
    whitened = op.matmul(left_over, f32(reading.whitening))
    return op.sqrt(op.reduce_mean(op.mul(whitened, whitened), i64([1]), keepdims=0))


def _encode(stages: Stages, encoder: PackagedEncoder) -> tuple[Var, Var]:
    """Return (1, d) features and (1, k) logits of the slots; see `PackagedEncoder`."""
    pooled = op.concat([_pool(stage, GRID_SIDE) for stage in stages.values()], axis=0)
    vector = _project(op.unsqueeze(pooled, i64([0])), encoder.projection)
    hidden = op.relu(_linear(vector, encoder, "hidden"))
    features = op.add(vector, _linear(hidden, encoder, "added"))
    return features, _linear(features, encoder, "slots")


def _linear(values: Var, encoder: PackagedEncoder, layer: str) -> Var:
    weight, bias = (encoder.weights[f"{layer}.{part}"] for part in ("weight", "bias"))
    return op.add(op.matmul(values, f32(weight.T)), f32(bias))


def _project(samples: Var, projection: Projection) -> Var:
    """Return (1, n_dims + 1) coordinates of (1, d) samples; see `Projection`."""
    centered = op.div(op.sub(samples, f32(projection.mean)), f32(projection.scale))
    along = op.matmul(centered, f32(projection.axes))
    squared = op.sub(_sum_of_squares(centered), _sum_of_squares(along))
    coordinates = op.concat([along, op.sqrt(op.max([squared, f32(0.0)]))], axis=1)
    return op.div(op.sub(coordinates, f32(projection.center)), f32(projection.spread))


def _sum_of_squares(rows: Var) -> Var:
    return op.reduce_sum(op.mul(rows, rows), i64([1]), keepdims=1)


def _pool(stage: Var, side: int) -> Var:
    """Return (side side c,) means over cells of a stage (c, rows, columns); see `pool_grids`."""
    _, rows, columns = shape_of(stage)
    down, across = (_pooling_matrix(n, side) for n in (rows, columns))
    pooled = op.matmul(op.matmul(f32(down), stage), f32(across.T))
    return op.reshape(op.transpose(pooled, perm=[1, 2, 0]), i64([-1]))


def _pooling_matrix(n: int, side: int) -> Float:
    """Return (side, n), rows summing to 1."""
    matrix = np.zeros((side, n), np.float32)
    for row, (first, last) in enumerate(cell_edges(n, side)):
        matrix[row, first:last] = 1 / (last - first)
    return matrix
