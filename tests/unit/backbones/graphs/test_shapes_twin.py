"""Shapes and numbers told before a run are those of ONNX Runtime: each operator, and our own networks."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from defectory.backbones.graphs import read_graph, sizes
from defectory.backbones.graphs.operators import OPERATORS, Value
from defectory.networks.wide_resnet import ScoringEncoder, WideResNetEncoder
from defectory.training.export import export_onnx

FLOAT = np.random.default_rng(0).random((1, 6, 8, 10)).astype(np.float32)
INTEGERS = np.array([2, 3, 4], np.int64)


def ints(*values):
    return np.array(values, np.int64)


def floats(*shape):
    return np.random.default_rng(0).random(shape).astype(np.float32)


SIMPLE = [
    "Relu", "Sigmoid", "Tanh", "Erf", "Exp", "Sin", "Cos", "HardSwish", "Ceil", "Floor", "Sqrt",
    "Identity", "LeakyRelu", "HardSigmoid", "Elu", "Softmax", "LogSoftmax", "GlobalAveragePool",
    "GlobalMaxPool", "Flatten", "Squeeze", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2",
    "ArgMin", "ArgMax", "Shape", "Transpose", "Abs", "Neg", "Log", "Reciprocal", "Round", "Sign", "Softplus",
    "ReduceL1", "ReduceProd", "ReduceSumSquare",
]  # fmt: skip
BINARY = ["Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "Greater", "Min", "Max"]
# operator, inputs (arrays, None for one that is left out), settings
CASES = [
    *[(name, [FLOAT], {}) for name in SIMPLE],
    *[(name, [FLOAT, floats(8, 1)], {}) for name in BINARY],
    *[(name, [ints(7, -7, 9), ints(2, 2, 3)], {}) for name in BINARY if name != "Pow"],
    ("Abs", [ints(-3, 4)], {}), ("Neg", [ints(-3, 4)], {}),
    ("And", [np.array([True, False]), np.array([True, True])], {}),
    ("Or", [np.array([True, False]), np.array([True, True])], {}),
    ("Not", [np.array([True, False])], {}),
    ("Where", [np.array([True, False, True]), INTEGERS, ints(9)], {}),
    ("Cast", [INTEGERS], {"to": 1}), ("Cast", [FLOAT], {"to": 7}),
    ("Clip", [INTEGERS, np.array(3, np.int64)], {}),
    ("Clip", [FLOAT, None, np.array(0.5, np.float32)], {}),
    ("CumSum", [FLOAT, np.array(1, np.int64)], {}),
    ("InstanceNormalization", [FLOAT, floats(6), floats(6)], {}),
    ("LayerNormalization", [FLOAT, floats(10), floats(10)], {}),
    ("BatchNormalization", [FLOAT, *[floats(6)] * 4], {}),
    ("Conv", [FLOAT, floats(4, 6, 3, 3)], {}),
    ("Conv", [FLOAT, floats(6, 1, 3, 2), floats(6)],
     {"group": 6, "strides": [2, 3], "pads": [1, 0, 2, 1]}),
    ("Conv", [FLOAT, floats(4, 6, 3, 3)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("Conv", [FLOAT, floats(4, 6, 3, 3)], {"auto_pad": "VALID", "dilations": [2, 3]}),
    ("Conv", [floats(1, 3, 9), floats(2, 3, 4)], {}),
    *[(name, [FLOAT], {"kernel_shape": [3, 2], **more})
      for name in ("MaxPool", "AveragePool")
      for more in ({}, {"strides": [2, 2]}, {"strides": [3, 2], "ceil_mode": 1}, {"pads": [1, 1, 0, 0]})],
    ("Gemm", [floats(3, 4), floats(5, 4), floats(5)], {"transB": 1}),
    ("Gemm", [floats(4, 3), floats(4, 5)], {"transA": 1}),
    ("MatMul", [floats(2, 1, 3, 4), floats(5, 4, 6)], {}),
    ("Einsum", [FLOAT, floats(6, 5)], {"equation": "nchw,cd->ndhw"}),
    ("ReduceMean", [FLOAT], {"axes": [1, -1], "keepdims": 0}),
    ("ReduceSum", [FLOAT, ints(1, 2)], {"keepdims": 0}),
    ("ReduceSum", [FLOAT], {"noop_with_empty_axes": 1}),
    ("ArgMin", [FLOAT], {"axis": -1, "keepdims": 0}),
    ("TopK", [FLOAT, ints(3)], {"axis": 2}),
    ("Shape", [FLOAT], {"start": 1, "end": -1}),
    ("ConstantOfShape", [ints(2, 3)], {"value": numpy_helper.from_array(ints(7))}),
    ("ConstantOfShape", [ints()], {}),
    ("Range", [np.array(n, np.int64) for n in (2, 9, 3)], {}),
    ("Range", [np.array(n, np.float32) for n in (5, 0.5, -1)], {}),
    ("Range", [np.array(n, np.int64) for n in (2, 1, 1)], {}),
    ("Reshape", [FLOAT, ints(0, -1, 5)], {}), ("Reshape", [INTEGERS, ints(3, 1)], {}),
    ("Flatten", [FLOAT], {"axis": -1}), ("Flatten", [FLOAT], {"axis": 0}),
    ("Transpose", [FLOAT], {"perm": [0, 2, 3, 1]}), ("Squeeze", [FLOAT, ints(0)], {}),
    ("Unsqueeze", [INTEGERS, ints(0, -1)], {}),
    ("Concat", [FLOAT, FLOAT], {"axis": -2}), ("Concat", [INTEGERS, INTEGERS], {"axis": 0}),
    ("Split", [FLOAT, ints(2, 4)], {"axis": 1}), ("Split", [FLOAT], {"axis": 2}),
    ("Slice", [INTEGERS, ints(1), ints(2**62)], {}),
    ("Slice", [INTEGERS, ints(-1), ints(-(2**62)), ints(0), ints(-1)], {}),
    ("Slice", [FLOAT, ints(1, 9), ints(7, 0), ints(2, -1), ints(2, -3)], {}),
    ("Slice", [FLOAT, ints(-3), ints(-1), ints(1)], {}),
    ("Gather", [INTEGERS, np.array(1, np.int64)], {}), ("Gather", [FLOAT, ints(0, -1)], {"axis": 3}),
    ("GatherElements", [FLOAT, np.zeros((1, 2, 8, 10), np.int64)], {"axis": 1}),
    ("Expand", [INTEGERS, ints(2, 1)], {}), ("Expand", [FLOAT, ints(3, 1, 1, 1)], {}),
    ("Tile", [FLOAT, ints(1, 2, 3, 1)], {}),
    ("Pad", [FLOAT, ints(0, 0, 1, 2, 0, 0, -3, 4)], {}),
    ("Pad", [FLOAT, ints(0, 0, 1, 1, 0, 0, 1, 1)], {"mode": "reflect"}),
    ("Resize", [FLOAT, None, np.array([1, 1, 2.5, 0.3], np.float32)], {}),
    ("Resize", [FLOAT, None, None, ints(1, 6, 4, 30)], {"mode": "linear"}),
]  # fmt: skip


def run_everything(model, feed):
    """Name -> array of every tensor that a run gives, by ONNX Runtime without any optimization."""
    proto = onnx.load_from_string(model)
    given = {output.name for output in proto.graph.output}
    for node in proto.graph.node:
        for name in node.output:
            if name and name not in given:
                proto.graph.output.add().name = name
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def assert_foretold(model, feed):
    graph = read_graph(model)
    shapes = {name: array.shape for name, array in feed.items()}
    known = {name: Value(c.shape, c.content) for name, c in graph.constants.items()}
    known |= {name: Value(shape) for name, shape in shapes.items()}
    run = sizes._Run(graph, known)
    for place, node in enumerate(graph.nodes):
        run.step(place, node)
    for name, array in run_everything(model, feed).items():
        assert known[name].shape == np.asarray(array).shape, name
        if known[name].content is not None:
            np.testing.assert_allclose(known[name].content, array, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("known", [True, False], ids=["weights", "inputs"])
@pytest.mark.parametrize(
    ("operator", "arrays", "settings"),
    CASES,
    ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)],
)
def test_an_operator(operator, arrays, settings, known):
    """Once with all inputs as weights, whose numbers are known, and once with the first as an input."""
    names = ["" if array is None else f"x{i}" for i, array in enumerate(arrays)]
    named = {name: array for name, array in zip(names, arrays, strict=True) if name}
    feed = {} if known else {"x0": named.pop("x0")}
    if not known and operator in ("ConstantOfShape", "Range"):
        pytest.skip("its input is a size, which must be known")
    outputs = ["y", "z"] if operator in ("TopK", "Split") else ["y"]
    node = helper.make_node(operator, names, outputs, **settings)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in feed.items()
        ],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in named.items()],
    )
    opset = 17 if "axes" in settings or operator == "Split" else 18
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    assert_foretold(model.SerializeToString(), feed)


def test_every_operator_has_a_case():
    assert {case[0] for case in CASES} | {"Constant"} == set(OPERATORS)


@pytest.mark.parametrize("side_px", [64, 160])
def test_the_packaged_backbone(converted, side_px):
    image = np.random.default_rng(0).integers(0, 256, (1, side_px, 96, 3), dtype=np.uint8)
    assert_foretold(converted[0], {"image": image})


def test_the_encoder_of_mcod():
    sample = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    encoder = ScoringEncoder(WideResNetEncoder(width=1, n_slots=2))
    model = export_onnx(encoder, [torch.from_numpy(sample)], ["image"], ["features", "slots"])
    assert_foretold(model, {"image": sample[:1]})
