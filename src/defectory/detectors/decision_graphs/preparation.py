"""`prepare_image` as a graph: an image of any size, resized as Pillow does it, without noise, evenly exposed.

ONNX's own antialiased `Resize` differs from Pillow by up to 20 gray levels at the edges of an image, as ONNX
Runtime runs it, which is enough to flip decisions. Here Pillow's arithmetic is done again: weights of a
triangle in fixed point, down first, then across, rounded to whole gray levels in between.
"""

import warnings

import numpy as np
import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.backbones import View
from defectory.backbones.camera_noise import BLUR_PX, COLOR_BLUR, MAX_BLUR_PX
from defectory.backbones.preparation import EXPOSURE_MEAN, EXPOSURE_SPREAD, SPREAD_FLOOR
from defectory.detectors.decision_graphs.constants import f32, f64, i32, i64
from defectory.detectors.decision_graphs.features import shape_of
from defectory.detectors.decision_graphs.float_pairs import FloatPair

# Pillow's weights in fixed point, and in two halves: sums of half weights times gray levels are whole numbers
# that float32 holds, up to 2^24.
_HALF_BITS = 11
_HALF = float(2**_HALF_BITS)
# So many rows are added at once: for images of common size, all.
_MOST_AT_ONCE = 8
_MOST_SIDE_PX = 65_535
# Of a row; sides are multiples of it, and squares of so many gray levels add up to less than 2^24.
_FEW_PX = 32
# Of pixels of one value: far below what a gray level more in one of them makes.
_LEAST_VARIANCE = 1e-12
# The widest blur reaches so far.
_REACH_PX = int(np.ceil(3 * COLOR_BLUR * MAX_BLUR_PX))


def prepare(image: Var, view: View) -> Var:
    """Return (height, width, 3) uint8 of (h, w, 3) uint8: what the backbone reads."""
    height, width = view.whole_px
    pixels = _resize(image, height, width)
    if view.noise:
        pixels = _take_off_noise(pixels, view.noise, image, height, width)
        if view.even_exposure:
            pixels = _expose_exactly(pixels)
        pixels = op.round(op.clip(pixels, f32(0.0), f32(255.0)))
    elif view.even_exposure:
        pixels = _even_exposure(pixels)
    return op.cast(pixels, to=np.uint8)


def _resize(image: Var, height: int, width: int) -> Var:
    """Return (height, width, 3) float32, whole: `prepare_image` without exposure, to the bit."""
    down = op.transpose(_resize_rows(image, height), perm=[1, 0, 2])
    across = op.transpose(_resize_rows(down, width), perm=[1, 0, 2])
    return op.reshape(across, i64([height, width, 3]))  # says what is not known of a loop's result


def _resize_rows(pixels: Var, n_to: int) -> Var:
    """Return (n_to, m, 3) float32 of (n, m, 3) gray levels: sums of rows, weighted and rounded."""
    rows, high, low, n_turns, at_once = _weigh_rows(op.shape(pixels, start=0, end=1), n_to)
    flat = op.reshape(pixels, op.concat([op.shape(pixels, start=0, end=1), i64([-1])], axis=0))

    def weighted(turn: Var, rows: Var, high: Var, low: Var) -> tuple[Var, Var]:
        first = op.mul(op.reshape(turn, i64([1])), at_once)
        last = op.add(first, at_once)
        own = op.gather(flat, op.slice(rows, first, last, i64([1])), axis=0)
        own = op.cast(own, to=np.float32)
        sums = [op.matmul(op.slice(half, first, last, i64([2])), own) for half in (high, low)]
        return sums[0], sums[1]

    def add_rows(turn: Var, go_on: Var, *state: Var) -> tuple[Var, ...]:
        high_sum, low_sum, *weights = state
        of_high, of_low = weighted(op.add(turn, i64(1)), *weights)
        low_sum = op.add(low_sum, of_low)
        carry = op.floor(op.mul(low_sum, f32(1 / _HALF)))
        high_sum = op.add(op.add(high_sum, of_high), carry)
        return go_on, high_sum, op.sub(low_sum, op.mul(f32(_HALF), carry)), *weights

    # Weights go from turn to turn: what nothing but the body of a loop uses is computed in it, each time.
    state = [*weighted(i64(0), rows, high, low), rows, high, low]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a loop's result has no known shape: it is given one
        others = op.sub(n_turns, i64(1))
        high_sum, low_sum, *_ = op.loop(others, op.const([True]), state, body=add_rows)
    carry = op.floor(op.mul(low_sum, f32(1 / _HALF)))
    rounded = op.add(op.add(high_sum, f32(_HALF / 2)), carry)
    return op.reshape(op.floor(op.mul(rounded, f32(1 / _HALF))), i64([n_to, -1, 3]))


def _weigh_rows(n_rows: Var, n_to: int) -> tuple[Var, Var, Var, Var, Var]:
    """Return which of n rows each of n_to rows is made of, with what weights, and in how many turns.

    Row o of the result is the mean of the rows x under a triangle, each of weight
    max(0, 2 max(n, n_to) - |(2 x + 1) n_to - (2 o + 1) n|): whole numbers of 32 bits, which are all that some
    runtimes have.

    Parameters
    ----------
    n_rows : (1,) int64

    Returns
    -------
    rows : (n_to, t) int32, t the product of the last two
    high, low : (n_to, 1, t) float32, of weights that add up to 2^22: 2^11 high + low
    n_turns, at_once : () and (1,) int64, into how many turns of how many rows the t are dealt
    """
    n = op.cast(op.squeeze(n_rows, i64([0])), to=np.int32)
    top = op.mul(i32(2), op.max([n, i32(n_to)]))
    centers = op.mul(i32(2 * np.arange(n_to)[:, None] + 1), n)
    before = op.sub(op.sub(centers, top), i32(n_to))
    first = _divide(op.max([op.add(before, i32(2 * n_to)), i32(0)]), i32(2 * n_to))
    n_taps = _divide_up(top, i32(n_to))
    n_turns = _divide_up(n_taps, i32(_MOST_AT_ONCE))
    at_once = _divide_up(n_taps, n_turns)
    rows = op.add(first, op.unsqueeze(op.range(i32(0), op.mul(n_turns, at_once), i32(1)), i64([0])))
    places = op.mul(op.add(op.mul(i32(2), rows), i32(1)), i32(n_to))
    inside = op.max([op.sub(top, op.abs(op.sub(places, centers))), i32(0)])
    inside = op.where(op.less(rows, n), inside, i32(0))
    total = op.reduce_sum(inside, i64([1]), keepdims=1)
    weights = op.cast(_in_fixed_point(inside, total, n_to), to=np.float32)
    high = op.floor(op.mul(weights, f32(1 / _HALF)))
    low = op.sub(weights, op.mul(f32(_HALF), high))
    return (
        op.min([rows, op.sub(n, i32(1))]),
        op.unsqueeze(high, i64([1])),
        op.unsqueeze(low, i64([1])),
        op.cast(n_turns, to=np.int64),
        op.unsqueeze(op.cast(at_once, to=np.int64), i64([0])),
    )


def _in_fixed_point(parts: Var, totals: Var, n_to: int) -> Var:
    """Return parts / totals times 2^22, rounded: a long division, a few bits at a time.

    So few that 32 bits hold what is left over, whatever is shrunk: sides up to 65,535 px are.
    """
    most_bits = 31 - (2 * _MOST_SIDE_PX**2 // n_to).bit_length()
    left = 2 * _HALF_BITS
    found, rest = i32(0), parts
    while left:
        n_bits = min(most_bits, left)
        left -= n_bits
        scaled = op.mul(rest, i32(2**n_bits))
        if not left:
            scaled = op.add(scaled, _divide(totals, i32(2)))
        digit = _divide(scaled, totals)
        rest = op.sub(scaled, op.mul(digit, totals))
        found = op.add(op.mul(found, i32(2**n_bits)), digit)
    return found


def _divide_up(values: Var, by: Var) -> Var:
    return _divide(op.add(values, op.sub(by, i32(1))), by)


def _divide(values: Var, by: Var) -> Var:
    """Return whole quotients of int32 numbers >= 0, exact where a runtime divides them as floats."""
    about = op.div(values, by)
    rest = op.sub(values, op.mul(about, by))
    too_high = op.cast(op.less(rest, i32(0)), to=np.int32)
    too_low = op.cast(op.greater_or_equal(rest, by), to=np.int32)
    return op.add(op.sub(about, too_high), too_low)


def _even_exposure(pixels: Var) -> Var:
    """Return (h, w, 3) uint8 gray levels looked up in a table of 256, as `prepare_image` does.

    In pairs of floats: a table that is rounded another way changes all pixels of a value.
    """
    height, width, _ = shape_of(pixels)
    few = op.reshape(pixels, i64([height, width // _FEW_PX, 3 * _FEW_PX]))
    count = FloatPair.constant(3 * height * width)
    mean = _exact_sum(few) / count
    mean_square = _exact_sum(op.mul(few, few)) / count
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
    """Return () of (n, m, k) whole numbers; no sum on the way has more than 24 bits.

    Those of the last axis add up to less than 2^24, and n and m are at most 4,096.
    """

    def total(sums: Var) -> FloatPair:
        by_row = _halves(op.reduce_sum(sums, i64([1]), keepdims=0))
        high, low = (op.reduce_sum(half, i64([0]), keepdims=0) for half in by_row)
        return FloatPair.of_sum(op.mul(f32(4096.0), high), low)

    high, low = map(total, _halves(op.reduce_sum(values, i64([2]), keepdims=0)))
    return FloatPair.constant(4096.0) * high + low


def _halves(values: Var) -> tuple[Var, Var]:
    """Return the upper and the lower 12 bits of whole numbers of 24."""
    high = op.floor(op.mul(values, f32(1 / 4096)))
    return high, op.sub(values, op.mul(f32(4096.0), high))


def _take_off_noise(pixels: Var, noise: float, image: Var, height: int, width: int) -> Var:
    """Return (height, width, 3) float32; see `take_off_noise`."""
    planes = op.transpose(pixels, perm=[2, 0, 1])
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
