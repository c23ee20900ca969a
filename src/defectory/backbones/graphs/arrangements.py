"""Operators that only move numbers about, or make the shapes by which others do; see `operators`."""

import math
from fractions import Fraction

import numpy as np

from defectory.backbones.graphs.arithmetic import broadcast_shapes
from defectory.backbones.graphs.model import GraphError
from defectory.backbones.graphs.operators import Call, Numbers, Value, operator

# Beyond it a float32 counts no more by ones.
_MOST_OF_RANGE = 2**24


@operator("Constant", "value")
def _constant(call: Call) -> list[Value]:
    tensor = call.tensor("value")
    if tensor is None:
        raise GraphError("Constant has no value")
    return [Value(tensor.shape, tensor.content)]


@operator("Shape", "start end")
def _shape(call: Call) -> list[Value]:
    shape = call.input(0).shape
    part = shape[slice(call.integer("start", 0), call.integer("end", len(shape)))]
    return [Value((len(part),), np.array(part, np.int64))]


@operator("ConstantOfShape", "value")
def _constant_of_shape(call: Call) -> list[Value]:
    shape, tensor = _sides(call, call.integers(0)), call.tensor("value")
    if tensor is not None and (tensor.content is None or tensor.content.size != 1):
        raise GraphError("ConstantOfShape has no value")
    fill = np.float32(0) if tensor is None or tensor.content is None else tensor.content.ravel()[0]
    return [call.compute(shape, lambda: np.full(shape, fill))]


@operator("Range")
def _range(call: Call) -> list[Value]:
    ends = [call.input(place) for place in range(3)]
    contents = [value.content for value in ends]
    if any(content is None or content.size != 1 for content in contents):
        raise GraphError("Range asks for a size that only running it would tell")
    start, limit, step = (float(np.asarray(content).item()) for content in contents)
    if not all(abs(number) <= _MOST_OF_RANGE for number in (start, limit, step)):
        raise GraphError("Range goes too far")
    shape = (max(math.ceil((limit - start) / step), 0),)

    def count(first: Numbers, *_: Numbers) -> Numbers:
        return np.asarray(start + step * np.arange(shape[0])).astype(first.dtype)

    return [call.compute(shape, count, *ends)]


def _sides(call: Call, sides: list[int]) -> tuple[int, ...]:
    if any(side < 0 for side in sides) or len(sides) > 8:
        raise GraphError(f"{call.node.operator} asks for the shape {sides[:9]}")
    return tuple(sides)


@operator("Reshape", "allowzero")
def _reshape(call: Call) -> list[Value]:
    value, sides = call.input(0), call.integers(1)
    if not call.integer("allowzero", 0):
        sides = [
            value.shape[i] if s == 0 and i < len(value.shape) else s for i, s in enumerate(sides)
        ]
    if sides.count(-1) == 1:
        known = -math.prod(sides)
        sides = [value.size // known if s == -1 and known else s for s in sides]
    shape = _sides(call, sides)
    if math.prod(shape) != value.size:
        raise GraphError(f"Reshape makes {list(shape)} of {list(value.shape)}")
    return [call.compute(shape, lambda content: content.reshape(shape), value)]


@operator("Flatten", "axis")
def _flatten(call: Call) -> list[Value]:
    shape, axis = call.input(0).shape, call.integer("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise GraphError(f"Flatten has no axis {axis}")
    axis = axis + len(shape) if axis < 0 else axis
    return [Value((math.prod(shape[:axis]), math.prod(shape[axis:])))]


@operator("Transpose", "perm")
def _transpose(call: Call) -> list[Value]:
    value = call.input(0)
    order = call.list("perm", range(len(value.shape))[::-1])
    if sorted(order) != list(range(len(value.shape))):
        raise GraphError("Transpose does not name each axis once")
    shape = tuple(value.shape[i] for i in order)
    return [call.compute(shape, lambda content: content.transpose(order), value)]


@operator("Squeeze")
def _squeeze(call: Call) -> list[Value]:
    value = call.input(0)
    shape = value.shape
    asked = call.integers(1) if call.has(1) else [i for i, side in enumerate(shape) if side == 1]
    axes = {call.axis(axis, len(shape)) for axis in asked}
    if any(shape[axis] != 1 for axis in axes):
        raise GraphError("Squeeze takes an axis away that is not of one")
    left = tuple(side for i, side in enumerate(shape) if i not in axes)
    return [call.compute(left, lambda content: content.reshape(left), value)]


@operator("Unsqueeze")
def _unsqueeze(call: Call) -> list[Value]:
    value, asked = call.input(0), call.integers(1)
    rank = len(value.shape) + len(asked)
    axes = {call.axis(axis, rank) for axis in asked}
    if len(axes) != len(asked) or rank > 8:
        raise GraphError("Unsqueeze does not name each axis once")
    sides = iter(value.shape)
    shape = tuple(1 if i in axes else next(sides) for i in range(rank))
    return [call.compute(shape, lambda content: content.reshape(shape), value)]


@operator("Concat", "axis")
def _concat(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    shape = list(call.input(0).shape)
    axis = call.axis(call.integer("axis", 0), len(shape))
    for value in values[1:]:
        if len(value.shape) != len(shape) or any(
            a != b for i, (a, b) in enumerate(zip(shape, value.shape, strict=True)) if i != axis
        ):
            raise GraphError("the sizes of Concat do not fit together")
    shape[axis] = sum(value.shape[axis] for value in values)
    return [call.compute(tuple(shape), lambda *parts: np.concatenate(parts, axis), *values)]


@operator("Split", "axis num_outputs")
def _split(call: Call) -> list[Value]:
    shape, n = call.input(0).shape, len(call.node.outputs)
    axis = call.axis(call.integer("axis", 0), len(shape))
    if call.has(1):
        parts = call.integers(1)
    else:
        step = -(-shape[axis] // n)
        parts = [min(step, max(shape[axis] - i * step, 0)) for i in range(n)]
    if len(parts) != n or sum(parts) != shape[axis] or min(parts) < 0:
        raise GraphError("Split does not give its parts")
    return [Value((*shape[:axis], part, *shape[axis + 1 :])) for part in parts]


@operator("Slice")
def _slice(call: Call) -> list[Value]:
    value = call.input(0)
    starts, ends = call.integers(1), call.integers(2)
    axes = call.integers(3) if call.has(3) else list(range(len(starts)))
    steps = call.integers(4) if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise GraphError("Slice does not say from where to where")
    cut = [slice(None)] * len(value.shape)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[call.axis(axis, len(cut))] = slice(start, end, step)
    pairs = zip(cut, value.shape, strict=True)
    shape = tuple(len(range(*part.indices(side))) for part, side in pairs)
    return [call.compute(shape, lambda content: content[tuple(cut)], value)]


@operator("Gather", "axis")
def _gather(call: Call) -> list[Value]:
    value, indices = call.input(0), call.input(1)
    axis = call.axis(call.integer("axis", 0), len(value.shape))
    shape = (*value.shape[:axis], *indices.shape, *value.shape[axis + 1 :])

    def take(content: Numbers, places: Numbers) -> Numbers:
        if (
            places.size
            and not -content.shape[axis] <= places.min() <= places.max() < content.shape[axis]
        ):
            raise GraphError("Gather takes what is not there")
        return np.asarray(np.take(content, places, axis))

    return [call.compute(shape, take, value, indices)]


@operator("GatherElements", "axis")
def _gather_elements(call: Call) -> list[Value]:
    return [Value(call.input(1).shape)]


@operator("Expand")
def _expand(call: Call) -> list[Value]:
    value = call.input(0)
    shape = broadcast_shapes(call, value.shape, _sides(call, call.integers(1)))
    return [call.compute(shape, lambda content: np.broadcast_to(content, shape), value)]


@operator("Tile")
def _tile(call: Call) -> list[Value]:
    shape, repeats = call.input(0).shape, _sides(call, call.integers(1))
    if len(repeats) != len(shape):
        raise GraphError("Tile does not name each axis once")
    return [Value(tuple(side * n for side, n in zip(shape, repeats, strict=True)))]


@operator("Pad", "mode")
def _pad(call: Call) -> list[Value]:
    shape, pads = call.input(0).shape, call.integers(1)
    axes = call.integers(3) if call.has(3) else list(range(len(shape)))
    if len(pads) != 2 * len(axes):
        raise GraphError("Pad does not say how much at each end")
    found = list(shape)
    for i, axis in enumerate(axes):
        found[call.axis(axis, len(shape))] += pads[i] + pads[len(axes) + i]
    return [Value(_sides(call, found))]


_RESIZE = (
    "antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value "
    "keep_aspect_ratio_policy mode nearest_mode"
)


@operator("Resize", _RESIZE, work=lambda _, outputs: 16 * outputs[0].size)
def _resize(call: Call) -> list[Value]:
    shape = call.input(0).shape
    settings = call.node.attributes
    if call.integer("antialias", 0) or {"axes", "keep_aspect_ratio_policy"} & set(settings):
        raise GraphError("Resize has a setting that no network of ours has")
    if call.has(3) and call.input(3).size:
        sides = _sides(call, call.integers(3))
    else:
        scales = call.input(2).content
        if scales is None or scales.dtype != np.float32 or not np.isfinite(scales).all():
            raise GraphError("Resize asks for a size that only running it would tell")
        if len(shape) != scales.size or scales.min() <= 0:
            raise GraphError("Resize does not scale each axis")
        pairs = zip(shape, scales.ravel(), strict=True)
        sides = tuple(math.floor(side * Fraction(float(scale))) for side, scale in pairs)
    if len(sides) != len(shape):
        raise GraphError("Resize does not scale each axis")
    return [Value(sides)]
