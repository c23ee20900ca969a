"""Numbers of a graph, each of a stated type."""

import numpy as np
import numpy.typing as npt
import spox.opset.ai.onnx.v18 as op
from spox import Var


def f32(values: npt.ArrayLike) -> Var:
    """Return a float32 constant."""
    return op.const(np.asarray(values, np.float32))


def f64(values: npt.ArrayLike) -> Var:
    """Return a float64 constant."""
    return op.const(np.asarray(values, np.float64))


def i32(values: npt.ArrayLike) -> Var:
    """Return an int32 constant."""
    return op.const(np.asarray(values, np.int32))


def i64(values: npt.ArrayLike) -> Var:
    """Return an int64 constant, the type of shapes, axes and counts."""
    return op.const(np.asarray(values, np.int64))
