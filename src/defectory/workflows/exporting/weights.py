"""The weights in a graph: in one place, and stored in half the bytes where that is asked for."""

from typing import Any

import numpy as np

# Smaller ones (means, sizes, scales) stay exact: they weigh nothing.
_LEAST_NUMBERS = 256
_LARGEST = float(np.finfo(np.float16).max)
# Of the largest number of an array: what half precision may change of any number of it.
_MOST_CHANGED = 1e-3


def with_initializers(model: bytes) -> bytes:
    """Return the graph with its constants where tools look for weights, and with a name for each node."""
    onnx = _onnx()
    found = onnx.load_from_string(model)
    graph = found.graph
    nodes = []
    for i, node in enumerate(graph.node):
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            value.name = node.output[0]
            graph.initializer.append(value)
            continue
        node.name = f"{node.op_type}_{i}"
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    content: bytes = found.SerializeToString()
    return content


def widened(model: bytes) -> bytes:
    """Return the graph without casts of stored float16 arrays: these are float32, as quantizers want them."""
    onnx = _onnx()
    found = onnx.load_from_string(model)
    graph = found.graph
    halves = {t.name: t for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT16}
    wide: dict[str, str] = {}  # what a cast gives -> the array that it is now; tiles share arrays
    kept = []
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in halves:
            wide[node.output[0]] = node.input[0]
            continue
        node.input[:] = [wide.get(name, name) for name in node.input]
        kept.append(node)
    for name in set(wide.values()):
        array = onnx.numpy_helper.to_array(halves[name]).astype(np.float32)
        halves[name].CopyFrom(onnx.numpy_helper.from_array(array, name))
    del graph.node[:]
    graph.node.extend(kept)
    content: bytes = found.SerializeToString()
    return content


def in_half_precision(model: bytes) -> bytes:
    """Return the graph with its large arrays stored as float16; it computes in float32 as before.

    Arrays that half precision would change by more than a thousandth of their largest number stay exact.
    """
    onnx = _onnx()
    found = onnx.load_from_string(model)
    graph = found.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        array = onnx.numpy_helper.to_array(tensor)
        if array.size < _LEAST_NUMBERS or not _fits_half(array):
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float16), f"{name}__half"))
        casts.append(
            onnx.helper.make_node(
                "Cast", [tensor.name], [name], name=f"{name}__cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    content: bytes = found.SerializeToString()
    return content


def _fits_half(array: Any) -> bool:
    largest = float(np.abs(array).max())
    if not largest <= _LARGEST:
        return False
    change = np.abs(array.astype(np.float16).astype(np.float32) - array).max()
    return float(change) <= _MOST_CHANGED * largest


def _onnx() -> Any:
    from defectory.domain import MissingExtraError

    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise MissingExtraError("exporting a bundle", "export") from error
    return onnx
