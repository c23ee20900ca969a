"""Operators that compute: number by number, sums over axes, convolutions, pools and products.

Shapes follow the ONNX specification of opsets 17 and 18 (https://onnx.ai/onnx/operators).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from defectory.backbones.graphs.model import DTYPES, GraphError
from defectory.backbones.graphs.operators import Call, Numbers, Value, operator

_UNARY: dict[str, Callable[..., Any]] = {
    "Ceil": np.ceil, "Floor": np.floor, "Sqrt": np.sqrt, "Not": np.logical_not, "Abs": np.abs,
    "Neg": np.negative,
}  # fmt: skip


@operator("Relu Sigmoid Tanh Erf Exp Sin Cos HardSwish Ceil Floor Sqrt Not Identity")
@operator("Abs Neg Log Reciprocal Round Sign Softplus")
@operator("LeakyRelu HardSigmoid Elu", "alpha beta")
@operator("Softmax LogSoftmax", "axis")
@operator("CumSum", "exclusive reverse")
@operator("InstanceNormalization", "epsilon")
@operator("LayerNormalization", "axis epsilon stash_type")
@operator("BatchNormalization", "epsilon momentum training_mode")
def _same_shape(call: Call) -> list[Value]:
    if call.integer("training_mode", 0):
        raise GraphError("BatchNormalization is to be trained")
    value, name = call.input(0), call.node.operator
    if name == "Identity":
        return [value]
    if name in _UNARY:
        return [call.compute(value.shape, _UNARY[name], value)]
    return [Value(value.shape)]


@operator("Clip")
def _clip(call: Call) -> list[Value]:
    value = call.input(0)
    bounds = [call.input(i) if call.has(i) else None for i in (1, 2)]
    if any(bound is not None and bound.size != 1 for bound in bounds):
        raise GraphError("Clip has bounds that are no numbers")
    given = [bound for bound in bounds if bound is not None]

    def clip(content: Numbers, *limits: Numbers) -> Numbers:
        left = iter(limits)
        low, high = (None if bound is None else next(left) for bound in bounds)
        return np.clip(content, low, high).reshape(content.shape)

    return [call.compute(value.shape, clip, value, *given)]


@operator("Cast", "to")
def _cast(call: Call) -> list[Value]:
    value, dtype = call.input(0), DTYPES.get(call.integer("to", 0))
    if dtype is None:
        raise GraphError("Cast is to a type that no network of ours has")
    return [call.compute(value.shape, lambda content: content.astype(dtype), value)]


def _quotient(a: Numbers, b: Numbers) -> Numbers:
    if a.dtype.kind == "f":
        return np.divide(a, b)
    if not b.all():
        raise GraphError("Div divides a size by zero")
    return np.trunc(a / b).astype(a.dtype)


_BINARY: dict[str, Callable[..., Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": _quotient, "Pow": np.power,
    "Equal": np.equal, "Less": np.less, "Greater": np.greater, "And": np.logical_and,
    "Or": np.logical_or, "Min": np.minimum, "Max": np.maximum, "Where": np.where,
}  # fmt: skip


@operator(" ".join(_BINARY))
def _broadcast(call: Call) -> list[Value]:
    values = [call.input(i) for i in range(len(call.inputs))]
    if len(values) != (3 if call.node.operator == "Where" else 2):
        raise GraphError(f"{call.node.operator} has {len(values)} inputs")
    shape = broadcast_shapes(call, *(value.shape for value in values))
    return [call.compute(shape, _BINARY[call.node.operator], *values)]


def broadcast_shapes(call: Call, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that tensors of these have together."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    found = []
    for sides in zip(*padded, strict=True):
        side = next((n for n in sides if n != 1), 1)
        if any(n not in (1, side) for n in sides):
            raise GraphError(f"the sizes of {call.node.operator} do not fit together")
        found.append(side)
    return tuple(found)


@operator(
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceProd ReduceSumSquare",
    "axes keepdims noop_with_empty_axes",
)
def _reduce(call: Call) -> list[Value]:
    shape = call.input(0).shape
    axes = call.integers(1) if call.has(1) else call.list("axes", ())
    if not axes:
        axes = [] if call.integer("noop_with_empty_axes", 0) else list(range(len(shape)))
    return [Value(_without(call, shape, axes))]


@operator("ArgMin ArgMax", "axis keepdims select_last_index")
def _arg(call: Call) -> list[Value]:
    return [Value(_without(call, call.input(0).shape, [call.integer("axis", 0)]))]


def _without(call: Call, shape: tuple[int, ...], axes: list[int]) -> tuple[int, ...]:
    gone = {call.axis(axis, len(shape)) for axis in axes}
    if call.integer("keepdims", 1):
        return tuple(1 if i in gone else side for i, side in enumerate(shape))
    return tuple(side for i, side in enumerate(shape) if i not in gone)


@operator("TopK", "axis largest sorted", lambda call, _: 500 * call.input(0).size)
def _top_k(call: Call) -> list[Value]:
    shape, k = call.input(0).shape, call.integers(1)
    axis = call.axis(call.integer("axis", -1), len(shape))
    if len(k) != 1 or not 0 <= k[0] <= shape[axis]:
        raise GraphError("TopK asks for more than there is")
    return [Value((*shape[:axis], k[0], *shape[axis + 1 :]))] * 2


def _conv_work(call: Call, outputs: list[Value]) -> int:
    weights = call.input(1)
    return outputs[0].size * math.prod(weights.shape[1:])


@operator("Conv", "auto_pad dilations group kernel_shape pads strides", _conv_work)
def _conv(call: Call) -> list[Value]:
    image, weights = call.input(0), call.input(1)
    rank = len(image.shape)
    if rank not in (3, 4) or len(weights.shape) != rank:
        raise GraphError("Conv is not of an image")
    if call.list("kernel_shape", weights.shape[2:]) != list(weights.shape[2:]):
        raise GraphError("Conv says another size than its weights have")
    sides = _slide(call, image.shape[2:], list(weights.shape[2:]))
    return [Value((image.shape[0], weights.shape[0], *sides))]


def _pool_work(call: Call, outputs: list[Value]) -> int:
    return outputs[0].size * math.prod(call.list("kernel_shape", ()))


_POOL = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads storage_order strides"


@operator("MaxPool AveragePool", _POOL, _pool_work)
def _pool(call: Call) -> list[Value]:
    image = call.input(0)
    kernel = call.list("kernel_shape", ())
    if len(image.shape) not in (3, 4) or len(kernel) != len(image.shape) - 2:
        raise GraphError(f"{call.node.operator} is not of an image")
    return [Value((*image.shape[:2], *_slide(call, image.shape[2:], kernel)))]


def _slide(call: Call, sides: tuple[int, ...], kernel: list[int]) -> list[int]:
    """Return how many places a kernel takes along each side."""
    n = len(sides)
    strides, dilations = call.list("strides", [1] * n), call.list("dilations", [1] * n)
    pads, how = call.list("pads", [0] * 2 * n), call.text("auto_pad", "NOTSET")
    lists = (kernel, strides, dilations, pads[:n], pads[n:])
    if any(len(numbers) != n for numbers in lists) or min(pads) < 0:
        raise GraphError(f"{call.node.operator} has settings for another number of sides")
    if min(*kernel, *strides, *dilations) < 1 or max(*kernel, *strides, *dilations, *pads) > 2**16:
        raise GraphError(f"{call.node.operator} has a kernel, stride or pad out of range")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        return [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    if how == "VALID":
        pads = [0] * 2 * n
    elif how != "NOTSET":
        raise GraphError(f"{call.node.operator} has an unknown padding")
    found = []
    for i, side in enumerate(sides):
        free = side + pads[i] + pads[n + i] - dilations[i] * (kernel[i] - 1) - 1
        steps = -(-free // strides[i]) if call.integer("ceil_mode", 0) else free // strides[i]
        found.append(max(steps + 1, 0))
    return found


@operator("GlobalAveragePool GlobalMaxPool")
def _global_pool(call: Call) -> list[Value]:
    shape = call.input(0).shape
    return [Value(shape[:2] + (1,) * (len(shape) - 2))]


def _gemm_work(call: Call, outputs: list[Value]) -> int:
    shape = call.input(0).shape
    return outputs[0].size * shape[0 if call.integer("transA", 0) else 1]


@operator("Gemm", "alpha beta transA transB", _gemm_work)
def _gemm(call: Call) -> list[Value]:
    a, b = call.input(0).shape, call.input(1).shape
    if len(a) != 2 or len(b) != 2:
        raise GraphError("Gemm is not of matrices")
    a, b = (
        (a[::-1] if call.integer("transA", 0) else a),
        b[::-1] if call.integer("transB", 0) else b,
    )
    if a[1] != b[0]:
        raise GraphError("the sizes of Gemm do not fit together")
    return [Value((a[0], b[1]))]


@operator("MatMul", work=lambda call, outputs: outputs[0].size * call.input(0).shape[-1])
def _matmul(call: Call) -> list[Value]:
    a, b = call.input(0).shape, call.input(1).shape
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise GraphError("the sizes of MatMul do not fit together")
    return [Value((*broadcast_shapes(call, a[:-2], b[:-2]), a[-2], b[-1]))]


def _einsum_sides(call: Call) -> tuple[dict[str, int], str]:
    """Return the letters' sizes, and the letters that are left.

    Of more than two factors ONNX Runtime could make tensors between that are larger than what comes out.
    """
    left, arrow, out = call.text("equation", "").replace(" ", "").partition("->")
    terms = left.split(",")
    if (
        not arrow
        or len(terms) > 2
        or len(terms) != len(call.inputs)
        or not (left + out).replace(",", "a").isalpha()
    ):
        raise GraphError("Einsum has an equation that no network of ours has")
    sides: dict[str, int] = {}
    for place, term in enumerate(terms):
        shape = call.input(place).shape
        if len(term) != len(shape) or len(set(term)) != len(term):
            raise GraphError("the sizes of Einsum do not fit together")
        for letter, side in zip(term, shape, strict=True):
            if sides.setdefault(letter, side) != side:
                raise GraphError("the sizes of Einsum do not fit together")
    if len(set(out)) != len(out) or not set(out) <= set(sides):
        raise GraphError("the sizes of Einsum do not fit together")
    return sides, out


def _einsum_work(call: Call, _outputs: list[Value]) -> int:
    return math.prod(_einsum_sides(call)[0].values())


@operator("Einsum", "equation", _einsum_work)
def _einsum(call: Call) -> list[Value]:
    sides, out = _einsum_sides(call)
    return [Value(tuple(sides[letter] for letter in out))]
