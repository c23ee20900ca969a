"""`prepare_image` as a graph: an image of any size, resized as Pillow does it, without noise, evenly exposed.

ONNX's own antialiased `Resize` differs from Pillow by up to 20 grey levels at the edges of an image, as ONNX
Runtime runs it, which is enough to flip decisions. Here Pillow's arithmetic is done again: weights of a
triangle in fixed point, across first, then down, rounded to whole grey levels in between.
"""

import warnings

import numpy as np
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.backbones import View
from defectory.backbones.camera_noise import BLUR_PX, COLOR_BLUR, MAX_BLUR_PX
from defectory.backbones.preparation import EXPOSURE_MEAN, EXPOSURE_SPREAD, SPREAD_FLOOR
from defectory.detectors.decision_graphs.constants import f32, f64, i32, i64

# Fixed point of Pillow's weights.
_BITS = 22
_ONE = 2**_BITS
# The widest blur reaches so far.
_REACH_PX = int(np.ceil(3 * COLOR_BLUR * MAX_BLUR_PX))


def prepare(image: Var, view: View) -> Var:
    """Return (height, width, 3) uint8 of (h, w, 3) uint8: what the backbone reads."""
    height, width = view.whole_px
    resized = resize(image, height, width)
    if not view.noise:
        return _even_exposure(resized) if view.even_exposure else resized
    blurred = _take_off_noise(resized, view.noise, image, height, width)
    return _round(_expose_exactly(blurred) if view.even_exposure else blurred)


def resize(image: Var, height: int, width: int) -> Var:
    """Return (height, width, 3) uint8: `PIL.Image.resize` with bilinear weights, to the bit."""
    columns_first = op.transpose(image, perm=[1, 0, 2])
    across = op.transpose(_shrink_rows(columns_first, width), perm=[1, 0, 2])
    return _shrink_rows(across, height)


def _shrink_rows(pixels: Var, n_to: int) -> Var:
    """Return (n_to, m, 3) uint8 of (n, m, 3) uint8.

    A row of the result adds the rows under a triangle, one after the other: as many as the widest has.
    """
    n_from = op.squeeze(op.shape(pixels, start=0, end=1), i64([0]))
    exact = op.cast(n_from, to=np.float64)
    scale = op.div(exact, f64(n_to))
    width = op.max([scale, f64(1.0)])  # of half a triangle
    centers = op.mul(f64(np.arange(n_to) + 0.5), scale)
    first = op.cast(
        op.floor(op.max([op.add(op.sub(centers, width), f64(0.5)), f64(0.0)])), to=np.int64
    )
    n_taps = op.add(op.cast(op.ceil(op.mul(width, f64(2.0))), to=np.int64), i64(1))
    last_row = op.sub(n_from, i64(1))

    def triangle(rows: Var) -> Var:
        """Return (n_to,) float64 weights of these rows, 0 beyond the last."""
        away = op.abs(
            op.div(op.sub(op.add(op.cast(rows, to=np.float64), f64(0.5)), centers), width)
        )
        inside = op.less(rows, n_from)
        return op.where(inside, op.max([op.sub(f64(1.0), away), f64(0.0)]), f64(0.0))

    # (taps, n_to): all weights are small, their sums are needed first
    taps = op.unsqueeze(op.range(i64(0), n_taps, i64(1)), i64([1]))
    total = op.reduce_sum(triangle(op.add(first, taps)), i64([0]), keepdims=0)

    def add_row(k: Var, go_on: Var, found: Var) -> tuple[Var, Var]:
        rows = op.add(first, k)
        weights = op.floor(op.add(op.mul(op.div(triangle(rows), total), f64(_ONE)), f64(0.5)))
        own = op.cast(op.gather(pixels, op.min([rows, last_row]), axis=0), to=np.int32)
        weight = op.reshape(op.cast(weights, to=np.int32), i64([n_to, 1, 1]))
        return go_on, op.add(found, op.mul(own, weight))

    m = op.shape(pixels, start=1, end=2)
    half = op.expand(i32([[[_ONE // 2]]]), op.concat([i64([n_to]), m, i64([3])], axis=0))
    shape = i64([n_to, -1, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a loop's result has no known shape: it is given one
        (summed,) = op.loop(n_taps, op.const([True]), [op.reshape(half, shape)], body=add_row)
    return op.cast(op.div(op.reshape(summed, shape), i32(_ONE)), to=np.uint8)


def _even_exposure(pixels: Var) -> Var:
    """Return uint8 pixels looked up in a table of the 256 values, as `prepare_image` does."""
    whole = op.cast(pixels, to=np.int32)
    count = op.cast(op.size(pixels), to=np.float64)

    def mean(values: Var) -> Var:
        # a row's sum is exact in 32 bits; some runtimes have no integers of 64
        rows = op.reduce_sum(values, i64([1, 2]), keepdims=0)
        return op.div(op.reduce_sum(op.cast(rows, to=np.float64), keepdims=0), count)

    center = mean(whole)
    variance = op.sub(mean(op.mul(whole, whole)), op.mul(center, center))
    spread = op.sqrt(op.max([variance, f64(0.0)]))
    gain = op.div(f64(EXPOSURE_SPREAD), op.add(spread, f64(SPREAD_FLOOR)))
    raised = op.add(op.mul(op.sub(f64(np.arange(256)), center), gain), f64(EXPOSURE_MEAN))
    table = op.cast(op.round(op.clip(raised, f64(0.0), f64(255.0))), to=np.uint8)
    return op.gather(table, whole, axis=0)


def _take_off_noise(pixels: Var, noise: float, image: Var, height: int, width: int) -> Var:
    """Return (height, width, 3) float32; see `take_off_noise`."""
    planes = op.cast(op.transpose(pixels, perm=[2, 0, 1]), to=np.float32)
    brightness = op.reduce_mean(planes, i64([0]), keepdims=1)
    sides = op.cast(op.shape(image, start=0, end=2), to=np.float64)
    scales = op.div(f64([height, width]), sides)
    fine = op.cast(op.min([op.mul(f64(noise * BLUR_PX), scales), f64(MAX_BLUR_PX)]), to=np.float32)
    coarse = op.mul(f32(COLOR_BLUR), fine)
    blurred = op.add(
        _blur(brightness, fine, (height, width)),
        _blur(op.sub(planes, brightness), coarse, (height, width)),
    )
    return op.transpose(blurred, perm=[1, 2, 0])


def _blur(planes: Var, radii_px: Var, sides: tuple[int, int]) -> Var:
    """Return (c, h, w) planes, blurred down and across by (2,) radii; edges are repeated."""
    height, width = sides
    down = op.matmul(_blur_matrix(op.gather(radii_px, i64(0)), height), planes)
    across = _blur_matrix(op.gather(radii_px, i64(1)), width)
    return op.matmul(down, op.transpose(across, perm=[1, 0]))


def _blur_matrix(radius_px: Var, side: int) -> Var:
    """Return (side, side) float32, a Gaussian cut off after three radii, rounded up to whole pixels."""
    offsets = np.arange(-_REACH_PX, _REACH_PX + 1, dtype=np.float32)
    ratio = op.div(f32(offsets), radius_px)
    weights = op.exp(op.div(op.neg(op.mul(ratio, ratio)), f32(2.0)))
    is_near = op.less_or_equal(f32(np.abs(offsets)), op.ceil(op.mul(f32(3.0), radius_px)))
    weights = op.where(is_near, weights, f32(0.0))
    weights = op.div(weights, op.reduce_sum(weights, keepdims=0))
    # which pixel a tap lands on, edges repeated: (taps, side, side) of 0 and 1 would be large, so by index
    rows, taps = np.indices((side, len(offsets)))
    landed = np.clip(rows + taps - _REACH_PX, 0, side - 1)
    empty = op.const(np.zeros((side, side), np.float32))
    updates = op.expand(op.unsqueeze(weights, i64([0])), i64([side, len(offsets)]))
    return op.scatter_elements(
        empty, op.const(landed.astype(np.int32)), updates, axis=1, reduction="add"
    )


def _expose_exactly(pixels: Var) -> Var:
    center = op.reduce_mean(pixels, keepdims=0)
    away = op.sub(pixels, center)
    spread = op.sqrt(op.reduce_mean(op.mul(away, away), keepdims=0))
    gain = op.div(f32(EXPOSURE_SPREAD), op.add(spread, f32(SPREAD_FLOOR)))
    return op.add(op.mul(away, gain), f32(EXPOSURE_MEAN))


def _round(pixels: Var) -> Var:
    return op.cast(op.round(op.clip(pixels, f32(0.0), f32(255.0))), to=np.uint8)
