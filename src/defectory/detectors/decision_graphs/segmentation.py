"""`memseg` and `mapl` as graphs: a trained head, and normality beside it."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import spox
import spox.opset.ai.onnx.v18 as op
from numpy.typing import NDArray
from spox import Var

from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import shape_of
from defectory.detectors.decision_graphs.normality import mean_of_highest, scaled
from defectory.detectors.grids import resizing_matrix

# The decoder doubles the finest level's grid twice.
_CELLS_A_LEVEL = 4


def run_head(levels: Mapping[str, Var], head: bytes, output: str) -> Var:
    """Return the (side, side) map of logits; see `Head.run`.

    Parameters
    ----------
    levels : name of the head's input -> stage that it reads, fine to coarse
    head : ONNX bytes
    output : name of the map
    """
    feed = {name: op.unsqueeze(stage, i64([0])) for name, stage in levels.items()}
    given = spox.inline(onnx.load_from_string(head))(**feed)
    fine = next(iter(levels.values()))
    sides = [_CELLS_A_LEVEL * n for n in shape_of(fine)[1:]]
    return op.reshape(given[output], i64(sides))


def mean_of_top_pixels(heat: Var, count: Callable[[int], int]) -> Var:
    """Return (): the mean logit of the highest pixels; `count` says how many, of how many there are."""
    rows, columns = shape_of(heat)
    return mean_of_highest(op.reshape(heat, i64([-1])), count(rows * columns))


def resize(heat: Var, shape: tuple[int, int]) -> Var:
    """Return a map of this shape; see `grids.resize`."""
    down, across = (resizing_matrix(*sides) for sides in zip(shape_of(heat), shape, strict=True))
    return op.matmul(op.matmul(f32(down), heat), f32(across.T))


def add_scaled(first: Var, second: Var, scales: NDArray[np.float32], weight: float) -> Var:
    """Return both in units of their (2, 2) scales, center and spread, added; the second times its weight."""
    return op.add(scaled(first, scales[0]), op.mul(f32(weight), scaled(second, scales[1])))
