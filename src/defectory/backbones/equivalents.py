"""Any backbone answers to the stages of EfficientNet-Lite0: as deep, as fine, and no wider.

So detectors take any backbone, in the time and memory that their pages and estimates state. Wide stages are
brought to fewer channels by fixed random orthonormal directions (Kim et al. 2021, arXiv 2105.14737; Defard et
al. 2020 draw channels at random for the same reason).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.cards import LITE0_STAGES, Stage, WeightCard
from defectory.domain import MissingExtraError

_N_BLOCKS = 16  # of EfficientNet-Lite0


def name_equivalents(
    model: bytes, card: WeightCard, stages: Sequence[str]
) -> tuple[bytes, tuple[Stage, ...]]:
    """Return the model that also answers to names of EfficientNet-Lite0's stages, and all its stages.

    A stage that the card does not have is answered by the coarsest of its stages that is not coarser than
    the one of EfficientNet-Lite0, and of several as fine by the one that lies as deep; averaged or
    interpolated to the cells of that one, and on as many directions as that one has channels.

    Raises
    ------
    MissingExtraError : ONNX is not installed.
    """
    known = {stage.name for stage in card.stages}
    asked = [name for name in stages if name not in known and name in LITE0_STAGES]
    if not asked:
        return model, card.stages
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("fitting", "train") from error
    proto = onnx.load_from_string(model)
    added = [_add_equivalent(onnx, proto.graph, card.stages, name) for name in asked]
    return bytes(proto.SerializeToString(deterministic=True)), (*card.stages, *added)


def _add_equivalent(onnx: Any, graph: Any, stages: Sequence[Stage], name: str) -> Stage:
    """Add an output of that name to the graph, and return what it is."""
    source, (stride_px, most_channels) = _source_of(stages, name), LITE0_STAGES[name]
    helper, last = onnx.helper, source.name

    def add(operator: str, *inputs: str, **settings: Any) -> None:
        nonlocal last
        output = f"{name}/{operator}"
        graph.node.append(helper.make_node(operator, [last, *inputs], [output], **settings))
        last = output

    def constant(array: NDArray[np.float32], what: str) -> str:
        graph.initializer.append(onnx.numpy_helper.from_array(array, f"{name}/{what}"))
        return f"{name}/{what}"

    if source.stride_px < stride_px:
        side = [stride_px // source.stride_px] * 2
        add("AveragePool", kernel_shape=side, strides=side)
    elif source.stride_px > stride_px:
        factor = source.stride_px / stride_px
        scales = np.array([1, 1, factor, factor], np.float32)
        add("Resize", "", constant(scales, "scales"), mode="linear")
    n_channels = min(source.n_channels, most_channels)
    if n_channels < source.n_channels:
        axes = _directions(source.n_channels, n_channels, seed=list(LITE0_STAGES).index(name))
        add("Conv", constant(axes[:, :, None, None], "directions"))
    graph.node.append(helper.make_node("Identity", [last], [name]))
    shape = ["n", n_channels, f"{name}_h", f"{name}_w"]
    graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
    return Stage(name, stride_px, n_channels)


def _source_of(stages: Sequence[Stage], name: str) -> Stage:
    """Return the stage that answers to a name of EfficientNet-Lite0's."""
    strides = [stage.stride_px for stage in stages]
    fitting = [stride for stride in strides if stride <= LITE0_STAGES[name][0]]
    stride_px = max(fitting, default=min(strides))
    alike = [stage for stage in stages if stage.stride_px == stride_px]
    depth = (int(name.removeprefix("block")) + 1) / _N_BLOCKS
    return alike[math.ceil(depth * len(alike)) - 1]


def _directions(n_from: int, n_to: int, *, seed: int) -> NDArray[np.float32]:
    """Return (n_to, n_from) orthonormal rows, the same ones each time."""
    drawn = np.random.default_rng(seed).standard_normal((n_from, n_to))
    return np.ascontiguousarray(np.linalg.qr(drawn)[0].T, np.float32)
