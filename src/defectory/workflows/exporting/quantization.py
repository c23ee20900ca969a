"""The convolutions of the backbone in 8-bit numbers; everything that decides stays as it is.

The first ones stay exact, too: what they lose is lost to all others.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from defectory.backbones.onnxruntime_sessions import import_onnxruntime
from defectory.detectors.decision_graphs import IMAGE
from defectory.domain import ExportError, ImageSource, MissingExtraError, Progress
from defectory.domain.errors import one_line
from defectory.domain.images import Image
from defectory.workflows.exporting.weights import widened, with_initializers

N_RANGE_IMAGES = 60
"""Good images that the ranges of activations are taken from."""

# Of the convolutions. On solar cells, errors of scores are a quarter of those where only the first is exact.
_EXACT_RATIO = 1 / 3


def quantize(
    model: bytes, backbone: bytes, images: ImageSource, *, weight_bits: int, progress: Progress
) -> bytes:
    """Return the graph with the convolutions of the backbone in 8 bits, but for the first; a scale a channel.

    Parameters
    ----------
    model : ONNX, its weights as initializers
    backbone : ONNX of the network in it
    images : n > 0 good ones
    weight_bits : 8, or 7 where the processor would saturate

    Raises
    ------
    ExportError : no convolution of the backbone is found in the graph.
    MissingExtraError : onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("quantizing a bundle", "export") from error
    graph = onnx.load_from_string(widened(model))
    own = onnx.load_from_string(widened(with_initializers(backbone)))
    convolutions = _convolutions(graph, own)
    convolutions = convolutions[int(_EXACT_RATIO * len(convolutions)) :]
    if not convolutions:
        raise ExportError("int8: the convolutions of the backbone are not in the graph as they are")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "model.int8.onnx"
        # else a line is logged that asks for steps which this graph has no use for
        graph.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
        source.write_bytes(graph.SerializeToString())
        try:
            nodes = [*convolutions, *_activations(graph, convolutions)]
            _quantize_file(source, target, nodes, images, weight_bits, progress)
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ExportError(
                f"int8: ONNX Runtime cannot quantize it ({one_line(error)})"
            ) from error
        return target.read_bytes()


def _quantize_file(
    source: Path,
    target: Path,
    nodes: list[str],
    images: ImageSource,
    weight_bits: int,
    progress: Progress,
) -> None:
    import_onnxruntime()
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    rows = np.linspace(0, len(images) - 1, min(len(images), N_RANGE_IMAGES)).astype(int)
    progress.start("finding ranges", len(rows))
    quantize_static(
        source,
        target,
        _Feed(images, rows.tolist(), progress),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=weight_bits == 7,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_quantize=nodes,
        op_types_to_quantize=["Conv", "Clip", "Relu"],
    )


def _convolutions(model: Any, backbone: Any) -> list[str]:
    """Return the names of the nodes that convolve by weights of the backbone."""
    import onnx.numpy_helper

    def weights(graph: Any) -> Iterator[tuple[str, bytes]]:
        arrays = {each.name: each for each in graph.initializer}
        for node in graph.node:
            if node.op_type == "Conv" and node.input[1] in arrays:
                array = onnx.numpy_helper.to_array(arrays[node.input[1]])
                yield node.name, repr(array.shape).encode() + array.tobytes()

    known = {content for _, content in weights(backbone.graph)}
    return [name for name, content in weights(model.graph) if content in known]


def _activations(model: Any, convolutions: Iterable[str]) -> list[str]:
    """Return the names of what cuts off the values that these nodes give: it decides their range."""
    names = set(convolutions)
    given = {node.output[0] for node in model.graph.node if node.name in names}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in ("Clip", "Relu") and node.input[0] in given
    ]


class _Feed:
    """Hands images to ONNX Runtime, one by one, as its CalibrationDataReader does."""

    def __init__(self, images: ImageSource, rows: list[int], progress: Progress) -> None:
        self._images, self._progress = images, progress
        self._rows = iter(rows)

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> dict[str, Image]:
        found = self.get_next()
        if found is None:
            raise StopIteration
        return found

    def get_next(self) -> dict[str, Image] | None:
        """Return the next image under the name of the input; None after the last."""
        row = next(self._rows, None)
        if row is None:
            return None
        self._progress.advance()
        return {IMAGE: self._images.read([row])[0]}
