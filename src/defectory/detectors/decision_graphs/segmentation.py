"""`memseg` and `mapl` as graphs: a trained head, and normality beside it."""

from collections.abc import Sequence

import numpy as np
import onnx
import spox
import spox.opset.ai.onnx.v18 as op
from numpy.typing import NDArray
from spox import Var

from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import Stages, pool, shape_of
from defectory.detectors.decision_graphs.normality import mean_of_highest, scaled
from defectory.detectors.segmentation.head import INPUTS, OUTPUTS, count_top

# The decoder doubles the finest level's grid twice.
_CELLS_A_LEVEL = 4


def run_head(stages: Stages, levels: Sequence[str], head: bytes) -> Var:
    """Return the (side, side) map of logits; see `Head.run`.

    Parameters
    ----------
    levels : names of the stages that it reads, fine to coarse
    head : ONNX bytes
    """
    feed = {
        name: op.unsqueeze(stages[level], i64([0]))
        for name, level in zip(INPUTS, levels, strict=True)
    }
    given = spox.inline(onnx.load_from_string(head))(**feed)
    sides = [_CELLS_A_LEVEL * n for n in shape_of(stages[levels[0]])[1:]]
    return op.reshape(given[OUTPUTS[0]], i64(sides))


def top_pixels(heat: Var) -> Var:
    """Return (): the mean logit of the highest pixels."""
    rows, columns = shape_of(heat)
    return mean_of_highest(op.reshape(heat, i64([-1])), count_top(rows * columns))


def shrink(heat: Var, side: int) -> Var:
    """Return (side, side) means of the cells of a finer map."""
    factor = shape_of(heat)[0] // side
    return op.squeeze(pool(op.unsqueeze(heat, i64([0])), factor), i64([0]))


def add_scaled(first: Var, second: Var, scales: NDArray[np.float32], weight: float) -> Var:
    """Return both in units of their (2, 2) scales, center and spread, added; the second times its weight."""
    return op.add(scaled(first, scales[0]), op.mul(f32(weight), scaled(second, scales[1])))
