"""A backbone's stages as a graph, and what detectors make of them: one grid, means and spreads."""

from collections.abc import Sequence

import onnx
import spox
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.backbones import Backbone
from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.grids import interpolation_matrix

Stages = dict[str, Var]
"""Stage name -> (c, h, w) float32."""


def extract(prepared: Var, size_px: tuple[int, int], backbone: Backbone) -> Stages:
    """Return the stages of an image that was prepared at (height, width)."""
    model = onnx.load_from_string(backbone.model)
    given = spox.inline(model)(op.unsqueeze(prepared, i64([0])))
    height, width = size_px
    return {  # with sizes that are known, which the backbone's are not
        stage.name: op.reshape(
            given[stage.name],
            i64([stage.n_channels, height // stage.stride_px, width // stage.stride_px]),
        )
        for stage in backbone.stages
    }


def stack_stages(stages: Stages, names: Sequence[str], grid: tuple[int, int]) -> Var:
    """Return (d, rows, columns) float32: see `grids.stack_stages`."""
    return op.concat([_resample(stages[name], *grid) for name in names], axis=0)


def pool(values: Var, factor: int) -> Var:
    """Return (d, rows / factor, columns / factor): means of (d, rows, columns)."""
    if factor == 1:
        return values
    pooled = op.average_pool(
        op.unsqueeze(values, i64([0])), kernel_shape=[factor] * 2, strides=[factor] * 2
    )
    return op.squeeze(pooled, i64([0]))


def as_rows(grid: Var) -> Var:
    """Return (p, d) of (d, rows, columns): a row a cell."""
    d = shape_of(grid)[0]
    return op.transpose(op.reshape(grid, i64([d, -1])), perm=[1, 0])


def mean_and_spread(stage: Var) -> Var:
    """Return (2c,): mean and standard deviation of each channel over the image."""
    mean = op.reduce_mean(stage, i64([1, 2]), keepdims=1)
    away = op.sub(stage, mean)
    spread = op.sqrt(op.reduce_mean(op.mul(away, away), i64([1, 2]), keepdims=1))
    return op.reshape(op.concat([mean, spread], axis=0), i64([-1]))


def shape_of(values: Var) -> tuple[int, ...]:
    """Return the sizes, all of which are known."""
    shape = values.unwrap_tensor().shape
    sides = tuple(side for side in shape or () if isinstance(side, int))
    assert shape is not None
    assert len(sides) == len(shape)
    return sides


def _resample(stage: Var, n_rows: int, n_columns: int) -> Var:
    _, rows, columns = shape_of(stage)
    if rows >= n_rows:
        return pool(stage, rows // n_rows)
    down, across = interpolation_matrix(rows, n_rows), interpolation_matrix(columns, n_columns)
    return op.matmul(op.matmul(f32(down), stage), f32(across.T))
