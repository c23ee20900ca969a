"""A backbone's stages as a graph, and what detectors make of them: one grid, means and spreads."""

from collections.abc import Callable, Sequence

import onnx
import spox
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.backbones import Backbone, View
from defectory.backbones.engine import HALO_PX
from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.grids import interpolation_matrix

Stages = dict[str, Var]
"""Stage name -> (c, h, w) float32."""


def extract(prepared: Var, view: View, backbone: Backbone, run: Callable[[Var], Stages]) -> Stages:
    """Return the stages of an image (h, w, 3) that was prepared at `view.whole_px`.

    Parameters
    ----------
    run : see `network_of`
    """
    if view.n_tiles == 1:
        return _with_known_sizes(run(prepared), view.whole_px, backbone)
    side = range(view.n_tiles)
    tiles = [
        [_inner(run, prepared, row, column, view, backbone) for column in side] for row in side
    ]
    return {
        stage.name: op.concat(
            [op.concat([tile[stage.name] for tile in row], axis=2) for row in tiles], axis=1
        )
        for stage in backbone.stages
    }


def network_of(backbone: Backbone) -> Callable[[Var], Stages]:
    """Return the backbone as a function of a prepared image, with one set of weights for all calls."""
    model = onnx.load_from_string(backbone.model)
    weights = {}
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        weights[tensor.name] = op.const(values)
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, values.shape)
        )
    del model.graph.initializer[:]
    network = spox.inline(model)
    return lambda prepared: network(image=op.unsqueeze(prepared, i64([0])), **weights)


def _inner(
    run: Callable[[Var], Stages], prepared: Var, row: int, column: int, view: View,
    backbone: Backbone,
) -> Stages:  # fmt: skip
    """Return the stages of a tile, read with its surroundings; see `Backbone.run`."""
    side_px, (whole_px, _) = view.side_px, view.whole_px
    top, left = row * side_px, column * side_px
    starts = [max(0, start - HALO_PX) for start in (top, left)]
    ends = [min(whole_px, start + side_px + HALO_PX) for start in (top, left)]
    seen = op.slice(prepared, i64(starts), i64(ends), i64([0, 1]))
    height, width = (end - start for start, end in zip(starts, ends, strict=True))
    stages = _with_known_sizes(run(seen), (height, width), backbone)
    inner = {}
    for stage in backbone.stages:
        y, x = (
            (start - at) // stage.stride_px for start, at in zip((top, left), starts, strict=True)
        )
        cells = side_px // stage.stride_px
        inner[stage.name] = op.slice(
            stages[stage.name], i64([y, x]), i64([y + cells, x + cells]), i64([1, 2])
        )
    return inner


def _with_known_sizes(given: Stages, size_px: tuple[int, int], backbone: Backbone) -> Stages:
    height, width = size_px
    return {
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
