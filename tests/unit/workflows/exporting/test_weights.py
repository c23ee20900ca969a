import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.workflows.exporting.weights import widened


def test_an_array_that_several_read_in_half_precision_is_widened_once():
    """As tiles of one image share the weights of the backbone."""
    half = np.linspace(-1, 1, 8, dtype=np.float16)
    nodes = [
        helper.make_node("Cast", ["half"], ["one"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["half"], ["other"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["given", "one"], ["more"]),
        helper.make_node("Mul", ["more", "other"], ["result"]),
    ]
    given, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [8]) for name in ("given", "result")
    )
    graph = helper.make_graph(
        nodes, "shared", [given], [result], [numpy_helper.from_array(half, "half")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    content = widened(model.SerializeToString())
    array, *others = onnx.load_from_string(content).graph.initializer
    assert (array.data_type, others) == (TensorProto.FLOAT, [])
    (found,) = OnnxRuntimeSession(content, "cpu", None).run({"given": np.ones(8, np.float32)})
    np.testing.assert_array_equal(found, (1 + half.astype(np.float32)) * half)
