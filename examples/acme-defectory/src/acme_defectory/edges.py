"""`acme-edges`: colors and edges at four scales, a backbone that needs no weights."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from defectory.backbones import Stage, WeightCard

_STRIDES = (4, 8, 16, 32)
_N_CHANNELS = 9


def convert_edges():
    """Return an ONNX model of uint8 images (n, h, w, 3), and the card of its stages."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["rgb"]),
        helper.make_node("Conv", ["rgb", "sobel"], ["slopes"], group=3, pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["slopes", "slopes"], ["squares"]),
        helper.make_node("Sqrt", ["squares"], ["edges"]),
        helper.make_node("Concat", ["rgb", "edges"], ["all"], axis=1),
    ]
    nodes += [_pool(stride) for stride in _STRIDES]
    across = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], np.float32) / 4
    constants = [
        numpy_helper.from_array(np.float32(1 / 255), "scale"),
        numpy_helper.from_array(np.stack([across, across.T] * 3)[:, None], "sobel"),
    ]
    shape = ["n", _N_CHANNELS, None, None]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", None, None, 3])
    outputs = [
        helper.make_tensor_value_info(f"pool{s}", TensorProto.FLOAT, shape) for s in _STRIDES
    ]
    graph = helper.make_graph(nodes, "acme-edges", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    card = WeightCard(
        name="acme-edges",
        source="Sobel filters",
        license="Apache-2.0",
        mean=(0.0,) * 3,
        scale=(1 / 255,) * 3,
        input_px=256,
        stages=tuple(Stage(f"pool{stride}", stride, _N_CHANNELS) for stride in _STRIDES),
        weights_sha256="",
    )
    return model.SerializeToString(deterministic=True), card


def _pool(stride):
    sides = [stride, stride]
    return helper.make_node(
        "AveragePool", ["all"], [f"pool{stride}"], kernel_shape=sides, strides=sides
    )
