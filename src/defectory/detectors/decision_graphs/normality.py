"""What is normal, as a graph: Gaussians and memories of patches; distances of one image to them."""

import numpy as np
import spox.opset.ai.onnx.v18 as op
from numpy.typing import NDArray
from spox import Var

from defectory.detectors.decision_graphs.constants import f32, i64
from defectory.detectors.decision_graphs.features import as_rows, shape_of
from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.patch_bank import PatchBank


def mahalanobis(field: GaussianField, samples: Var) -> Var:
    """Return (p, b) float32: distances of (p, b, d) samples to p Gaussians; see `GaussianField.distances`.

    Whitening matrices are kept as triangles in half precision, which is what they were rounded to, and
    spread out when the graph is loaded: the file is a quarter as large.
    """
    away = op.sub(samples, f32(field.means[:, None]))
    p, b, d = shape_of(away)
    # a transposed vector is the same numbers in the same order, and products with it are faster so
    columns = op.reshape(away, i64([p, d, 1])) if b == 1 else op.transpose(away, perm=[0, 2, 1])
    return _length(op.matmul(_whitening(field), columns), axis=1)


def euclidean(means: NDArray[np.float32], spread: NDArray[np.float32], samples: Var) -> Var:
    """Return (p, b): distances of (p, b, d) samples to (p, d) means, in units of channels' (d,) spread."""
    return _length(op.div(op.sub(samples, f32(means[:, None])), f32(spread)), axis=2)


def nearest_patches(bank: PatchBank, grid: Var) -> Var:
    """Return (rows, columns) distances of a (d, rows, columns) grid; see `PatchBank.distances`."""
    _, rows, columns = shape_of(grid)
    white = op.matmul(op.sub(as_rows(grid), f32(bank.mean_)), f32(bank.projection_))
    places = bank.positions(rows, columns)
    index = bank.index_
    center = index.center
    embedded = op.concat(
        [op.sub(white, f32(center[:-2])), f32((places - center[-2:]).astype(np.float32))], axis=1
    )
    # half squared distances, less what all have in common, from a product with -patch, half its square
    known = f32(np.concatenate([-index.centered, index.half_norms[:, None]], axis=1))
    ones = f32(np.ones((rows * columns, 1)))
    extended = op.concat([embedded, ones], axis=1)
    half_squares = op.matmul(extended, op.transpose(known, perm=[1, 0]))
    k = min(bank.n_neighbors, len(index.bank))
    # for one, too: ArgMin takes a third longer in ONNX Runtime, and twice as long in OpenVINO
    _, nearest = op.top_k(half_squares, i64([k]), axis=1, largest=0)
    negative = op.slice(op.gather(known, nearest, axis=0), i64([0]), i64([-1]), i64([2]))
    away = op.add(op.unsqueeze(embedded, i64([1])), negative)
    distances = op.reduce_mean(_length(away, axis=2), i64([1]), keepdims=0)
    return op.reshape(distances, i64([rows, columns]))


def top_mean(values: Var, ratio: float) -> Var:
    """Return (): the mean of the highest `ratio` of (m,) values, at least one; see `pooling.top_mean`."""
    (m,) = shape_of(values)
    return mean_of_highest(values, max(1, round(ratio * m)))


def mean_of_highest(values: Var, n: int) -> Var:
    """Return (): the mean of the n highest of (m,) values."""
    highest, _ = op.top_k(values, i64([n]), axis=0)
    return op.reduce_mean(highest, keepdims=0)


def scaled(values: Var, scale: NDArray[np.float32]) -> Var:
    """Return values in units of their scale: (2, ...), centers and spreads."""
    return op.div(op.sub(values, f32(scale[0])), f32(scale[1]))


def _length(vectors: Var, axis: int) -> Var:
    return op.sqrt(op.reduce_sum(op.mul(vectors, vectors), i64([axis]), keepdims=0))


def _whitening(field: GaussianField) -> Var:
    """Return (p, d, d) float32, lower triangular."""
    p, d = field.means.shape
    triangles = field.arrays()["triangles"]
    padded = np.concatenate([triangles, np.zeros((p, 1), np.float16)], axis=1)
    where = np.full((d, d), triangles.shape[1], np.int32)  # the zero beside the triangle
    where[np.tril_indices(d)] = np.arange(triangles.shape[1])
    return op.cast(op.gather(op.const(padded), op.const(where), axis=1), to=np.float32)
