"""Networks made to hang, to take memory, or to reach beyond the bundle; each as ONNX bytes by its name."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OUTPUTS = ("block7", "block10")


def model_of(nodes, constants=(), *, opset=17, inputs=None, **more):
    """An ONNX model from `image` (n, h, w, 3) uint8 to what `gaussian` asks for."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in OUTPUTS]
    graph = helper.make_graph(list(nodes), "hostile", inputs or [image], outputs, list(constants))
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, **more).SerializeToString()


def numbers(name, *values, dtype=np.int64):
    """A one-dimensional weight."""
    return numpy_helper.from_array(np.array(values, dtype), name)


def node(operator, inputs, *outputs, **attributes):
    """A node."""
    return helper.make_node(operator, list(inputs), list(outputs), **attributes)


def ends(name):
    """Nodes that give `name` as both outputs."""
    return [node("Identity", [name], output) for output in OUTPUTS]


def pixels():
    """Nodes that give the image as float32 of (n, 3, h, w), under the name `pixels`."""
    return [
        node("Cast", ["image"], "float", to=TensorProto.FLOAT),
        node("Transpose", ["float"], "pixels", perm=[0, 3, 1, 2]),
    ]


def _loop():
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["more"], "again"), node("Identity", ["kept"], "left")],
        "forever",
        [info("i", TensorProto.INT64, []), info("more", TensorProto.BOOL, []),
         info("kept", TensorProto.FLOAT, None)],
        [info("again", TensorProto.BOOL, []), info("left", TensorProto.FLOAT, None)],
    )  # fmt: skip
    true = numpy_helper.from_array(np.array(True), "true")
    loop = node("Loop", ["", "true", "pixels"], "looped", body=body)
    return model_of([*pixels(), loop, *ends("looped")], [true])


def _branch():
    part = helper.make_graph(
        [node("Identity", ["pixels"], "same")], "part", [],
        [helper.make_tensor_value_info("same", TensorProto.FLOAT, None)],
    )  # fmt: skip
    true = numpy_helper.from_array(np.array(True), "true")
    branch = node("If", ["true"], "either", then_branch=part, else_branch=part)
    return model_of([*pixels(), branch, *ends("either")], [true])


def _doubling(operator):
    """Thirty steps, each twice as large as the one before."""
    steps, last, weights = pixels(), "pixels", []
    for i in range(30):
        if operator == "Concat":
            steps.append(node("Concat", [last, last], f"x{i}", axis=1))
        elif operator == "Resize":
            weights.append(numbers(f"s{i}", 1, 1, 2, 2, dtype=np.float32))
            steps.append(node("Resize", [last, "", f"s{i}"], f"x{i}"))
        else:
            weights.append(numbers(f"s{i}", 1, 2, 1, 1))
            steps.append(node("Tile", [last, f"s{i}"], f"x{i}"))
        last = f"x{i}"
    return model_of([*steps, *ends(last)], weights)


def _sized(operator, *sizes, **attributes):
    """One node whose output is as large as a weight says."""
    inputs = {
        "ConstantOfShape": ["sizes"], "Expand": ["pixels", "sizes"], "Reshape": ["pixels", "sizes"],
        "Pad": ["pixels", "sizes"], "Tile": ["pixels", "sizes"], "Resize": ["pixels", "", "", "sizes"],
    }[operator]  # fmt: skip
    bomb = node(operator, inputs, "bomb", **attributes)
    return model_of([*pixels(), bomb, *ends("bomb")], [numbers("sizes", *sizes)])


def _scaled(*scales):
    resize = node("Resize", ["pixels", "", "scales"], "bomb")
    weight = numbers("scales", *scales, dtype=np.float32)
    return model_of([*pixels(), resize, *ends("bomb")], [weight])


def _sized_by_pixels():
    """A gray image is harmless; a white one asks for gigabytes."""
    weights = [numbers("one", 1), numbers("axes", 0, 1, 2, 3)]
    return model_of([
        *pixels(),
        node("ReduceMax", ["pixels"], "peak", keepdims=0),
        node("Cast", ["peak"], "size", to=TensorProto.INT64),
        node("Unsqueeze", ["size", "zero"], "sizes"),
        node("ConstantOfShape", ["sizes"], "bomb"),
        *ends("bomb"),
    ], [*weights, numbers("zero", 0)])  # fmt: skip


def _outer_product():
    """Two long thin weights whose product is large."""
    long = np.ones((60_000, 1), np.float32)
    weights = [numpy_helper.from_array(long, "a"), numpy_helper.from_array(long.T.copy(), "b")]
    return model_of([node("MatMul", ["a", "b"], "bomb"), *ends("bomb")], weights)


def _slow_convolution():
    """Little memory, hours of work."""
    kernel = np.ones((8, 3, 512, 512), np.float32)
    conv = node("Conv", ["pixels", "w"], "slow", pads=[256] * 4)
    return model_of([*pixels(), conv, *ends("slow")], [numpy_helper.from_array(kernel, "w")])


def _many_nodes():
    chain = [node("Relu", [f"x{i}"], f"x{i + 1}") for i in range(100_000)]
    start = [*pixels(), node("Relu", ["pixels"], "x0")]
    return model_of([*start, *chain, *ends("x100000")])


def _text():
    words = helper.make_tensor("words", TensorProto.STRING, [1], [b"text"])
    return model_of([*pixels(), *ends("pixels")], [words])


def _other_file():
    weight = numbers("w", 1.0, dtype=np.float32)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")
    return model_of([*pixels(), node("Add", ["pixels", "w"], "sum"), *ends("sum")], [weight])


def _function():
    imports = [helper.make_opsetid("", 17)]
    calls = helper.make_function("ours", "f", ["x"], ["y"], [node("Relu", ["x"], "y")], imports)
    return model_of([*pixels(), *ends("pixels")], functions=[calls])


def _claimed_weight():
    """A weight of a terabyte of which no byte is there."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [0], [])
    weight.dims[:] = [2**20, 2**18]
    return model_of([*pixels(), node("Add", ["pixels", "w"], "sum"), *ends("sum")], [weight])


def _two_graphs():
    """Protocol buffers merge the second graph into the first; a reader of the first alone sees no loop."""
    plain, loop = model_of([*pixels(), *ends("pixels")]), _loop()
    return plain + loop


def _custom():
    own = helper.make_node("Gelu", ["pixels"], ["own"], domain="com.microsoft")
    return model_of([*pixels(), own, *ends("own")])


def _self_reference():
    return model_of([*pixels(), node("Add", ["pixels", "loop"], "loop"), *ends("loop")])


HOSTILE = {
    "loop": (_loop, "an attribute of another kind"),
    "branch": (_branch, "an attribute of another kind"),
    "2.5 GB": (lambda: _sized("ConstantOfShape", 625_000_000), "numbers at once"),
    "an exabyte": (lambda: _sized("ConstantOfShape", 2**60), "numbers at once"),
    "beyond 64 bits": (lambda: _sized("ConstantOfShape", *[2**62] * 8), "numbers at once"),
    "negative": (lambda: _sized("ConstantOfShape", -5), "asks for the shape"),
    "expand": (lambda: _sized("Expand", 2**20, 3, 256, 256), "numbers at once"),
    "tile": (lambda: _sized("Tile", 1, 1, 2**15, 2**15), "numbers at once"),
    "pad": (lambda: _sized("Pad", 0, 0, 2**20, 2**20, 0, 0, 2**20, 2**20), "numbers at once"),
    "resize to": (lambda: _sized("Resize", 1, 3, 2**20, 2**20), "numbers at once"),
    "resize by": (lambda: _scaled(1, 1, 1e6, 1e6), "numbers at once"),
    "resize by nan": (lambda: _scaled(1, 1, float("nan"), 1), "only running it would tell"),
    "reshape": (lambda: _sized("Reshape", 2**40), "Reshape makes"),
    "doubling by Concat": (lambda: _doubling("Concat"), "numbers at once"),
    "doubling by Resize": (lambda: _doubling("Resize"), "numbers at once"),
    "doubling by Tile": (lambda: _doubling("Tile"), "numbers at once"),
    "as large as a pixel is bright": (_sized_by_pixels, "only running it would tell"),
    "outer product": (_outer_product, "numbers at once"),
    "slow convolution": (_slow_convolution, "multiplications for an image"),
    "100,000 nodes": (_many_nodes, "more than 10000 entries node"),
    "text": (_text, "no network of ours has"),
    "another file": (_other_file, "no network of ours has"),
    "function": (_function, "no network of ours has"),
    "claimed weight": (_claimed_weight, "holds 0 bytes"),
    "two graphs": (_two_graphs, "two fields"),
    "custom operator": (_custom, "of another domain"),
    "self-reference": (_self_reference, "before it is there"),
}
"""Name -> (a function that gives the model, words of the refusal)."""
