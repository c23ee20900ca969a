"""`gaussian` as a graph: `GaussianNormality`, of one image."""

import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import (
    Stages,
    mean_and_spread,
    shape_of,
    stack_stages,
)
from defectory.detectors.decision_graphs.normality import euclidean, mahalanobis, scaled, top_mean
from defectory.detectors.gaussian_normality import (
    IMAGE_STAGE,
    LINE_STAGE,
    LINE_WEIGHT,
    POSITION_STAGES,
    GaussianNormality,
)


def judge(stages: Stages, normality: GaussianNormality) -> tuple[Var, Var]:
    """Return the score () and the values of the map's cells (rows, columns)."""
    grid = (normality.grid_side,) * 2
    cells = _to_cells(stack_stages(stages, POSITION_STAGES, grid), normality.n_tiles)
    lines = _to_cells(_line_residuals(stack_stages(stages, (LINE_STAGE,), grid)), normality.n_tiles)
    whole = op.unsqueeze(mean_and_spread(stages[IMAGE_STAGE]), i64([0, 1]))
    # (centers, spreads) of the oddest cells, and of the image
    of_cells, of_image = normality.part_standards_
    distances = op.div(
        op.sub(mahalanobis(normality.cells_, cells), f32(normality.cell_center_[:, None])),
        f32(normality.cell_spread_[:, None]),
    )
    score = op.add(
        scaled(top_mean(op.reshape(distances, i64([-1])), normality.top_ratio), of_cells),
        op.mul(
            f32(normality.image_weight),
            scaled(op.squeeze(mahalanobis(normality.image_, whole), i64([0, 1])), of_image),
        ),
    )
    mean_unit, line_unit = normality.map_units_
    means = euclidean(normality.cells_.means, normality.channel_spread_, cells)
    heat = op.add(
        op.div(means, f32(mean_unit)),
        op.div(op.mul(f32(LINE_WEIGHT), mahalanobis(normality.lines_, lines)), f32(line_unit)),
    )
    return score, _to_grid(heat, normality.n_tiles)


def _to_cells(grid: Var, n_tiles: int) -> Var:
    """Return (p, b, d) of (d, g, g); see `GaussianNormality`."""
    d, g, _ = shape_of(grid)
    side = g // n_tiles
    split = op.reshape(grid, i64([d, side, n_tiles, side, n_tiles]))
    return op.reshape(
        op.transpose(split, perm=[1, 3, 2, 4, 0]), i64([side * side, n_tiles * n_tiles, d])
    )


def _to_grid(values: Var, n_tiles: int) -> Var:
    """Return (g, g) of (p, b)."""
    side = round(shape_of(values)[0] ** 0.5)
    split = op.reshape(values, i64([side, side, n_tiles, n_tiles]))
    return op.reshape(op.transpose(split, perm=[0, 2, 1, 3]), i64([side * n_tiles] * 2))


def _line_residuals(grid: Var) -> Var:
    """Return (2 d, g, g) of (d, g, g); see `grids.line_residuals`."""
    padded = op.pad(op.unsqueeze(grid, i64([0])), i64([0, 0, 1, 1, 0, 0, 1, 1]), mode="edge")
    smooth = op.squeeze(op.average_pool(padded, kernel_shape=[3, 3]), i64([0]))
    by_column, by_row = (op.sub(smooth, _median(smooth, axis)) for axis in (1, 2))
    return op.concat([by_column, by_row], axis=0)


def _median(grid: Var, axis: int) -> Var:
    """Return the median along an axis, which stays."""
    g = shape_of(grid)[axis]
    ordered, _ = op.top_k(grid, i64([g]), axis=axis)
    middle = op.gather(ordered, i64([(g - 1) // 2, g // 2]), axis=axis)
    return op.reduce_mean(middle, i64([axis]), keepdims=1)
