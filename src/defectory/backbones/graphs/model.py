"""What a network of a bundle may be: one graph of plain tensors, in operators that our exporters write."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.graphs.wire import (
    Budget,
    Fields,
    WireError,
    read_fields,
    unpack_integers,
)

OPSETS = (17, 18)
"""What `backbones` and `training.export` write."""

MAX_NODES = 10_000
_MAX_CONTENT = 4096  # numbers of a constant that can matter to a shape
_MAX_NAME = 1000

_MODEL = {
    1: "ir_version", 2: "producer_name", 3: "producer_version", 4: "domain", 5: "model_version",
    6: "doc_string", 7: "graph", 8: "opset_import", 14: "metadata_props",
}  # fmt: skip
_OPSET = {1: "domain", 2: "version"}
_GRAPH = {
    1: "node", 2: "name", 5: "initializer", 10: "doc_string", 11: "input", 12: "output",
    13: "value_info", 16: "metadata_props",
}  # fmt: skip
_NODE = {
    1: "input", 2: "output", 3: "name", 4: "op_type", 5: "attribute", 6: "doc_string", 7: "domain",
    9: "metadata_props",
}  # fmt: skip
# no graph (6, 11), no string or tensor lists (9, 10), nothing sparse (22), no reference (21)
_ATTRIBUTE = {
    1: "name",
    2: "f",
    3: "i",
    4: "s",
    5: "t",
    7: "floats",
    8: "ints",
    13: "doc_string",
    20: "type",
}
# no segment (3), strings (6) or weights of other files (13)
_TENSOR = {
    1: "dims", 2: "data_type", 4: "float_data", 5: "int32_data", 7: "int64_data", 8: "name", 9: "raw_data",
    12: "doc_string", 14: "data_location", 16: "metadata_props",
}  # fmt: skip
_VALUE_INFO = {1: "name", 2: "type", 3: "doc_string", 4: "metadata_props"}
_TYPE = {1: "tensor_type", 6: "denotation"}
_TENSOR_TYPE = {1: "elem_type", 2: "shape"}
_SHAPE = {1: "dim"}
_DIMENSION = {1: "dim_value", 2: "dim_param", 3: "denotation"}
_REPEATED = frozenset({
    "opset_import", "metadata_props", "node", "initializer", "input", "output", "value_info", "attribute",
    "dims", "floats", "ints", "int64_data", "int32_data", "dim",
})  # fmt: skip

DTYPES: dict[int, Any] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16,
}  # fmt: skip
"""ONNX's code -> dtype, of those that tensors may have; no strings, no double precision."""


class GraphError(ValueError):
    """The network is none that a bundle may hold; one line that follows `the ONNX model of ...`."""


@dataclass(frozen=True)
class Constant:
    """A tensor of the file.

    Attributes
    ----------
    shape : of any rank
    content : its numbers, where they are integers and few enough to matter to a shape; else None
    """

    shape: tuple[int, ...]
    content: NDArray[Any] | None


Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | Constant


@dataclass(frozen=True)
class Node:
    """One step: an operator of ONNX's own set, names of tensors, and settings."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]


@dataclass(frozen=True)
class Graph:
    """A network.

    Attributes
    ----------
    opset : of OPSETS
    nodes : in the order in which they run
    constants : name -> weights
    inputs : name -> dimensions, None where any will do
    outputs : names, in order
    """

    opset: int
    nodes: tuple[Node, ...]
    constants: dict[str, Constant]
    inputs: dict[str, tuple[int | None, ...]]
    outputs: tuple[str, ...]


def read_graph(model: bytes) -> Graph:
    """Return the graph of an ONNX model.

    Raises
    ------
    GraphError : it is no ONNX model, or one with more than a graph of plain tensors: control flow,
        functions, operators of other domains, strings, weights in other files.
    """
    try:
        return _Reader().read(memoryview(model))
    except WireError as error:
        raise GraphError(f"is none that a bundle may hold: {error}") from error


class _Reader:
    def __init__(self) -> None:
        self._budget = Budget()

    def read(self, content: memoryview) -> Graph:
        model = self._fields(content, _MODEL)
        graph = self._fields(_bytes(model, "graph"), _GRAPH)
        for part in ("node", "initializer", "input", "output"):
            if len(graph.get(part, ())) > MAX_NODES:
                raise WireError(f"it has more than {MAX_NODES} entries {part}")
        named = [self._tensor(_as_bytes(value)) for value in graph.get("initializer", ())]
        return Graph(
            opset=self._opset(model),
            nodes=tuple(self._node(_as_bytes(value)) for value in graph.get("node", ())),
            constants=_unique(named),
            inputs=_unique([self._input(_as_bytes(value)) for value in graph.get("input", ())]),
            outputs=tuple(
                _text(self._fields(_as_bytes(value), _VALUE_INFO), "name")
                for value in graph.get("output", ())
            ),
        )

    def _fields(self, content: memoryview, known: dict[int, str]) -> Fields:
        return read_fields(content, known, _REPEATED, self._budget)

    def _opset(self, model: Fields) -> int:
        found = [self._fields(_as_bytes(v), _OPSET) for v in model.get("opset_import", ())]
        if len(found) != 1 or _text(found[0], "domain"):
            raise WireError("it uses operators beside ONNX's own")
        version = _integer(found[0], "version", 0)
        if version not in OPSETS:
            raise WireError(f"it is of opset {version}, not of {OPSETS[0]} or {OPSETS[-1]}")
        return version

    def _node(self, content: memoryview) -> Node:
        fields = self._fields(content, _NODE)
        operator = _text(fields, "op_type")
        if _text(fields, "domain"):
            raise WireError(f"it uses {operator} of another domain than ONNX's own")
        attributes = [self._attribute(_as_bytes(v), operator) for v in fields.get("attribute", ())]
        return Node(
            operator,
            inputs=tuple(_decode(value) for value in fields.get("input", ())),
            outputs=tuple(_decode(value) for value in fields.get("output", ())),
            attributes=_unique(attributes),
        )

    def _attribute(self, content: memoryview, operator: str) -> tuple[str, Attribute]:
        try:
            fields = self._fields(content, _ATTRIBUTE)
        except WireError as error:
            raise WireError(f"{operator} has an attribute of another kind: {error}") from error
        return _text(fields, "name"), self._attribute_value(fields)

    def _attribute_value(self, fields: Fields) -> Attribute:
        kind = _integer(fields, "type", 0)
        if kind == 1:
            return float(np.frombuffer(_bytes(fields, "f"), "<f4", 1)[0])
        if kind == 2:
            return _signed(_integer(fields, "i", 0))
        if kind == 3:
            return _text(fields, "s")
        if kind == 4:
            return self._tensor(_bytes(fields, "t"))[1]
        if kind == 6:
            return tuple(0.0 for _ in fields.get("floats", ()))  # none of ours matters to a shape
        if kind == 7:
            return tuple(unpack_integers(fields.get("ints", []), self._budget))
        raise WireError(f"it has an attribute of type {kind}")

    def _tensor(self, content: memoryview) -> tuple[str, Constant]:
        fields = self._fields(content, _TENSOR)
        name, code = _text(fields, "name"), _integer(fields, "data_type", 0)
        if _integer(fields, "data_location", 0):
            raise WireError("it wants weights from other files")
        if code not in DTYPES:
            raise WireError(f"the tensor {name!r} is of type {code}, which no network of ours has")
        shape = tuple(unpack_integers(fields.get("dims", []), self._budget))
        dtype = np.dtype(DTYPES[code])
        if any(n < 0 for n in shape) or len(shape) > 8:
            raise WireError(f"the tensor {name!r} has the shape {shape[:9]}")
        data = self._tensor_data(fields, dtype)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise WireError(f"the tensor {name!r} of shape {shape} holds {len(data)} bytes")
        if math.prod(shape) > _MAX_CONTENT:
            return name, Constant(shape, None)
        return name, Constant(shape, np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape))

    def _tensor_data(self, fields: Fields, dtype: np.dtype[Any]) -> memoryview | bytes:
        given = [name for name in fields if name.endswith("_data")]
        if not given:
            return b""
        typed = "int32_data" if dtype.kind in "iub" and dtype.itemsize < 8 else f"{dtype}_data"
        typed = "float_data" if dtype == np.float32 else typed
        if len(given) > 1 or given[0] not in ("raw_data", typed):
            raise WireError(f"a tensor of {dtype} lies in {' and '.join(given)}")
        if given[0] in ("raw_data", "float_data"):
            return _bytes(fields, given[0])
        numbers = unpack_integers(fields[given[0]], self._budget)
        return np.array(numbers, np.int64).astype(dtype).tobytes()

    def _input(self, content: memoryview) -> tuple[str, tuple[int | None, ...]]:
        info = self._fields(content, _VALUE_INFO)
        kind = self._fields(_bytes(info, "type"), _TYPE)
        tensor = self._fields(_bytes(kind, "tensor_type"), _TENSOR_TYPE)
        shape = self._fields(_bytes(tensor, "shape"), _SHAPE) if "shape" in tensor else {}
        found: list[int | None] = []
        for value in shape.get("dim", ()):
            dimension = self._fields(_as_bytes(value), _DIMENSION)
            found.append(_signed(_integer(dimension, "dim_value", 0)) or None)
        return _text(info, "name"), tuple(found)


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise WireError("it has two entries of one name")
    return found


def _as_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise WireError("a number stands where a message should")
    return value


def _bytes(fields: Fields, name: str) -> memoryview:
    if name not in fields:
        raise WireError(f"it lacks {name}")
    return _as_bytes(fields[name][0])


def _integer(fields: Fields, name: str, default: int) -> int:
    value = fields[name][0] if name in fields else default
    if not isinstance(value, int):
        raise WireError(f"{name} is no integer")
    return value


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _text(fields: Fields, name: str) -> str:
    return _decode(fields[name][0]) if name in fields else ""


def _decode(value: int | memoryview) -> str:
    content = bytes(_as_bytes(value)[: _MAX_NAME + 1])
    if len(content) > _MAX_NAME:
        raise WireError(f"it has a name of more than {_MAX_NAME} letters")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WireError("it has a name that is not UTF-8") from error
