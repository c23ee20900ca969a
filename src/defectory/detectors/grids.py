"""Features of images: in batches, on one grid, and of the image as a whole; maps back to a finer grid."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features

Grid = NDArray[np.float32]
"""(rows, columns, d) float32"""

BATCH = 32
"""Images that are scored together: whitening matrices are read from memory once for all."""
BATCH_COPIES = 5
"""Of a batch's features: they are gathered, cut to cells and whitened."""

# Pixels whose cells are counted at a time.
_ROWS_PX = 2**18


def batched(features: Iterable[Features]) -> Iterator[list[Features]]:
    """Yield the images' features in lists of BATCH; the last may be shorter."""
    batch: list[Features] = []
    for one in features:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def stack_stages(features: Features, stages: tuple[str, ...], side: int | tuple[int, int]) -> Grid:
    """Return the stages side by side on one grid.

    Finer stages are averaged over the cells of the grid, coarser ones interpolated bilinearly.

    Parameters
    ----------
    features : of one image
    stages : which, in this order
    side : rows and columns of the grid, or the side of a square one; each stage's side divides it or is
        divided by it

    Returns
    -------
    (rows, columns, d) float32, d the sum of the stages' channels
    """
    shape = (side, side) if isinstance(side, int) else side
    return np.concatenate([_resample(features[name], *shape) for name in stages], axis=2)


def line_residuals(grid: Grid) -> Grid:
    """Return what sets each place apart from the rest of its column and of its row.

    Features are averaged over 3 x 3 cells; then the median of the column, and that of the row, is taken off.
    What a whole column shares (a groove, a lamp at the side) is thereby not held against any of its cells.

    Parameters
    ----------
    grid : (g, g, d) float32

    Returns
    -------
    (g, g, 2 d) float32, by column and by row
    """
    g = len(grid)
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = padded[:g] + padded[1 : g + 1] + padded[2:]
    smooth = (rows[:, :g] + rows[:, 1 : g + 1] + rows[:, 2:]) / 9
    by_column, by_row = (smooth - _median(smooth, axis) for axis in (0, 1))
    residuals: Grid = np.concatenate([by_column, by_row], axis=2).astype(np.float32, copy=False)
    return residuals


def _median(grid: Grid, axis: int) -> Grid:
    """Return the median along an axis, which stays; for so few values 5 times faster than np.median."""
    ordered, g = np.sort(grid, axis=axis), grid.shape[axis]
    middle: Grid = ordered.take(((g - 1) // 2, g // 2), axis=axis).mean(axis=axis, keepdims=True)
    return middle


def _resample(stage: Grid, n_rows: int, n_columns: int) -> Grid:
    n = stage.shape[0]
    if n == n_rows:
        return stage
    if n > n_rows:
        k = n // n_rows
        pooled: Grid = stage.reshape(n_rows, k, n_columns, k, -1).mean(axis=(1, 3))
        return pooled
    rows = np.tensordot(interpolation_matrix(n, n_rows), stage, axes=(1, 0))
    across = interpolation_matrix(stage.shape[1], n_columns)
    return np.ascontiguousarray(np.tensordot(rows, across, axes=(1, 1)).transpose(0, 2, 1))


def interpolation_matrix(n_from: int, n_to: int) -> NDArray[np.float32]:
    """Return (n_to, n_from) weights of bilinear interpolation; cells are areas, edges are repeated."""
    where = np.clip((np.arange(n_to) + 0.5) * n_from / n_to - 0.5, 0, n_from - 1)
    low = np.minimum(where.astype(np.intp), max(n_from - 2, 0))
    weights = np.zeros((n_to, n_from), np.float32)
    rows = np.arange(n_to)
    weights[rows, low] = 1 - (where - low)
    weights[rows, np.minimum(low + 1, n_from - 1)] += where - low
    return weights


def resizing_matrix(n_from: int, n_to: int) -> NDArray[np.float32]:
    """Return (n_to, n_from): means where cells are a whole number of times coarser, else interpolation."""
    if n_from % n_to:
        return interpolation_matrix(n_from, n_to)
    k = n_from // n_to
    return np.asarray(np.repeat(np.eye(n_to), k, axis=1) / k, np.float32)


def resize(cells: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return (rows, columns) float32 of a grid of another shape; see `resizing_matrix`."""
    down, across = (resizing_matrix(*sides) for sides in zip(cells.shape, shape, strict=True))
    return np.asarray(down @ cells @ across.T, np.float32)


def enlarge(cells: NDArray[np.float32], factor: int, sigma: float) -> NDArray[np.float32]:
    """Return (f r, f c) of (r, c): interpolated bilinearly, and blurred by sigma cells of the result."""
    down, across = (smoothing_matrix(n, n * factor, sigma) for n in cells.shape)
    return (down @ cells @ across.T).astype(np.float32, copy=False)


@lru_cache(maxsize=8)
def smoothing_matrix(n_from: int, n_to: int, sigma: float) -> NDArray[np.float32]:
    """Return (n_to, n_from): bilinear interpolation, then a Gaussian blur of sigma target cells.

    Maps are then smoothed and enlarged by two small matrix products. Edges are repeated.
    """
    distance = np.arange(n_to)[:, None] - np.arange(-3 * n_to, 4 * n_to)[None]
    kernel = np.exp(-0.5 * (distance / sigma) ** 2)
    nearest = np.clip(np.arange(-3 * n_to, 4 * n_to), 0, n_to - 1)
    blur = np.zeros((n_to, n_to))
    for column, target in enumerate(nearest):
        blur[:, target] += kernel[:, column]
    blur /= blur.sum(axis=1, keepdims=True)
    smoothing: NDArray[np.float32] = (blur @ interpolation_matrix(n_from, n_to)).astype(np.float32)
    smoothing.flags.writeable = False  # every caller gets the same one
    return smoothing


def cell_means(pixels: NDArray[np.bool_], side: int | tuple[int, int]) -> NDArray[np.float64]:
    """Return means of (h, w) marks over a grid of (rows, columns), or of a square one of this side.

    Every pixel counts once, although cells of an image whose size is no multiple differ in size; a cell
    without a pixel is 0.
    """
    r, c = (side, side) if isinstance(side, int) else side
    rows = np.arange(pixels.shape[0]) * r // pixels.shape[0]
    columns = np.arange(pixels.shape[1]) * c // pixels.shape[1]
    total = np.zeros(r * c)
    # a few rows at a time: places and weights take sixteen times what the marks do
    n_rows = max(1, _ROWS_PX // pixels.shape[1])
    for top in range(0, len(pixels), n_rows):
        part = pixels[top : top + n_rows]
        place = (rows[top : top + n_rows, None] * c + columns).ravel()
        total += np.bincount(place, part.ravel(), r * c)
    counts = np.outer(np.bincount(rows, minlength=r), np.bincount(columns, minlength=c))
    return np.asarray(total.reshape(r, c) / np.maximum(counts, 1))


def touched_cells(mask: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Return (side, side) bool, the cells that some of a (h, w) mask lies in: nothing thin is lost."""
    rows, columns = (-(-side // n) for n in mask.shape)
    found: NDArray[np.bool_] = cell_means(mask.repeat(rows, 0).repeat(columns, 1), side) > 0
    return found


def top_mean(cells: NDArray[np.float32], ratio: float) -> float:
    """Return the mean of the highest `ratio` of the values, at least one of them."""
    flat = cells.ravel()
    n = max(1, round(ratio * flat.size))
    return float(np.partition(flat, flat.size - n)[flat.size - n :].mean(dtype=np.float64))


def mean_and_spread(batch: list[Features], stage: str) -> NDArray[np.float32]:
    """Return (n, 2c): mean and standard deviation of a stage over each of n images."""
    flat = [features[stage].reshape(-1, features[stage].shape[-1]) for features in batch]
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in flat])
