"""`prepare_image` as a graph: an image of any size, resized as Pillow does it, without noise, evenly exposed.

ONNX's own antialiased `Resize` differs from Pillow by up to 20 grey levels at the edges of an image, as ONNX
Runtime runs it, which is enough to flip decisions. Here Pillow's arithmetic is done again: weights of a
triangle in fixed point, down first, then across, rounded to whole grey levels in between.
"""

import warnings

import numpy as np
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.backbones import View
from defectory.backbones.camera_noise import BLUR_PX, COLOR_BLUR, MAX_BLUR_PX
from defectory.backbones.preparation import EXPOSURE_MEAN, EXPOSURE_SPREAD, SPREAD_FLOOR
from defectory.detectors.decision_graphs.constants import f32, f64, i32, i64
from defectory.detectors.decision_graphs.float_pairs import FloatPair

# Fixed point of Pillow's weights.
_DIGITS = (4, 4, 4, 4, 4, 2)
_ONE = 2 ** sum(_DIGITS)
# Of pixels of one value: far below what a grey level more in one of them makes.
_LEAST_VARIANCE = 1e-12
# The widest blur reaches so far.
_REACH_PX = int(np.ceil(3 * COLOR_BLUR * MAX_BLUR_PX))


def prepare(image: Var, view: View) -> Var:
    """Return (height, width, 3) uint8 of (h, w, 3) uint8: what the backbone reads."""
    height, width = view.whole_px
    resized = resize(image, height, width)
    if not view.noise:
        return _even_exposure(resized, 3 * height * width) if view.even_exposure else resized
    blurred = _take_off_noise(resized, view.noise, image, height, width)
    return _round(_expose_exactly(blurred) if view.even_exposure else blurred)


def resize(image: Var, height: int, width: int) -> Var:
    """Return (height, width, 3) uint8: `prepare_image` without exposure, to the bit."""
    down = op.transpose(_resize_rows(image, height), perm=[1, 0, 2])
    across = op.transpose(_resize_rows(down, width), perm=[1, 0, 2])
    return op.reshape(across, i64([height, width, 3]))  # says what is not known of a loop's result


def _resize_rows(pixels: Var, n_to: int) -> Var:
    """Return (n_to, m, 3) uint8 of (n, m, 3) uint8.

    Row o of the result is the mean of the rows x under a triangle, each of weight
    max(0, 2 max(n, n_to) - |(2 x + 1) n_to - (2 o + 1) n|): whole numbers of 32 bits, which are all that some
    runtimes have. The rows are added one after the other, as many as lie under the widest triangle.
    """
    n = op.cast(op.squeeze(op.shape(pixels, start=0, end=1), i64([0])), to=np.int32)
    top = op.mul(i32(2), op.max([n, i32(n_to)]))
    centers = op.mul(i32(2 * np.arange(n_to) + 1), n)
    before = op.sub(op.sub(centers, top), i32(n_to))
    first = _divide(op.max([op.add(before, i32(2 * n_to)), i32(0)]), i32(2 * n_to))
    n_taps = _divide(op.add(top, i32(n_to - 1)), i32(n_to))
    # from here on one row a tap
    rows = op.add(first, op.unsqueeze(op.range(i32(0), n_taps, i32(1)), i64([1])))
    places = op.mul(op.add(op.mul(i32(2), rows), i32(1)), i32(n_to))
    inside = op.max([op.sub(top, op.abs(op.sub(places, centers))), i32(0)])
    inside = op.where(op.less(rows, n), inside, i32(0))
    total = op.reduce_sum(inside, i64([0]), keepdims=0)
    weights = op.unsqueeze(_in_fixed_point(inside, total), i64([2, 3]))
    rows = op.min([rows, op.sub(n, i32(1))])

    def add_row(k: Var, go_on: Var, found: Var) -> tuple[Var, Var]:
        tap = op.squeeze(k, i64([0]))
        own = op.gather(pixels, op.gather(rows, tap, axis=0), axis=0)
        product = op.mul(op.cast(own, to=np.int32), op.gather(weights, tap, axis=0))
        return go_on, op.add(found, product)

    m = op.shape(pixels, start=1, end=2)
    half = op.expand(i32([[[_ONE // 2]]]), op.concat([i64([n_to]), m, i64([3])], axis=0))
    shape = i64([n_to, -1, 3])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a loop's result has no known shape: it is given one
        (summed,) = op.loop(
            op.cast(n_taps, to=np.int64), op.const([True]), [op.reshape(half, shape)], body=add_row
        )
    return op.cast(_divide(op.reshape(summed, shape), i32(_ONE)), to=np.uint8)


def _in_fixed_point(parts: Var, totals: Var) -> Var:
    """Return parts / totals times 2^22, rounded: a long division, a few bits at a time.

    So that 32 bits hold what is left over, whatever is shrunk: sides up to 65,535 px are.
    """
    found, rest = i32(0), parts
    for i, n_bits in enumerate(_DIGITS, 1):
        scaled = op.mul(rest, i32(2**n_bits))
        if i == len(_DIGITS):
            scaled = op.add(scaled, _divide(totals, i32(2)))
        digit = _divide(scaled, totals)
        rest = op.sub(scaled, op.mul(digit, totals))
        found = op.add(op.mul(found, i32(2**n_bits)), digit)
    return found


def _divide(values: Var, by: Var) -> Var:
    """Return whole quotients of int32 numbers >= 0, exact where a runtime divides them as floats."""
    about = op.div(values, by)
    rest = op.sub(values, op.mul(about, by))
    too_high = op.cast(op.less(rest, i32(0)), to=np.int32)
    too_low = op.cast(op.greater_or_equal(rest, by), to=np.int32)
    return op.add(op.sub(about, too_high), too_low)


def _even_exposure(pixels: Var, n_values: int) -> Var:
    """Return n_values uint8 pixels looked up in a table of the 256 values, as `prepare_image` does.

    In pairs of floats: a table that is rounded another way changes all pixels of a value.
    """
    values = op.cast(pixels, to=np.float32)
    squares = op.mul(values, values)
    high = op.floor(op.mul(squares, f32(1 / 256)))
    low = op.sub(squares, op.mul(f32(256.0), high))
    count = FloatPair.constant(n_values)
    mean = _exact_sum(values) / count
    mean_square = (FloatPair.constant(256.0) * _exact_sum(high) + _exact_sum(low)) / count
    variance = mean_square - mean * mean
    # an image of one value has a variance of 0, or of what rounding leaves
    positive = FloatPair(op.max([variance.high, f32(_LEAST_VARIANCE)]), variance.low)
    spread = positive.sqrt() + FloatPair.constant(SPREAD_FLOOR)
    gain = FloatPair.constant(EXPOSURE_SPREAD) / spread
    raised = (FloatPair.constant(np.arange(256)) - mean) * gain
    table = (raised + FloatPair.constant(EXPOSURE_MEAN)).rounded()
    table = op.cast(op.clip(table, f32(0.0), f32(255.0)), to=np.uint8)
    where = op.reshape(op.cast(pixels, to=np.int32), i64([-1]))
    # element by element: twice as fast as gathering slices of one
    return op.reshape(op.gather_elements(table, where), op.shape(pixels))


def _exact_sum(values: Var) -> FloatPair:
    """Return () of (h, w, 3) whole numbers from 0 to 255: no sum on the way has more than 24 bits."""
    rows = op.reduce_sum(values, i64([1, 2]), keepdims=0)
    high = op.floor(op.mul(rows, f32(1 / 4096)))
    low = op.sub(rows, op.mul(f32(4096.0), high))
    high, low = (op.reduce_sum(part, i64([0]), keepdims=0) for part in (high, low))
    return FloatPair.of_sum(op.mul(f32(4096.0), high), low)


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
