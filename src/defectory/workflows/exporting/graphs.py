"""From a fitted detector to the files of its graph, by runtime and precision."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from defectory.artifacts.exported import GRAPH_FILES, RuntimeName
from defectory.backbones.openvino_sessions import import_openvino
from defectory.domain import ExportError, ImageSource, Progress
from defectory.domain.errors import one_line
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.exporting.quantization import quantize
from defectory.workflows.exporting.runtimes import Graph, open_graph, saturates
from defectory.workflows.exporting.weights import in_half_precision, with_initializers


@dataclass(frozen=True)
class GraphFiles:
    """The graph as it is shipped.

    Attributes
    ----------
    files : name -> content
    weight_bits : of quantized weights; None where there are none
    """

    files: Mapping[str, bytes]
    weight_bits: int | None = None


def exact_graph(model: CalibratedDetector) -> bytes:
    """Return the decision of a model as one ONNX graph in single precision.

    Raises
    ------
    ExportError : its detector cannot be exported.
    MissingExtraError : the extra `export` is not installed.
    """
    return with_initializers(model.bundle.detector.to_onnx())


def exact_files(graph: bytes, runtime: RuntimeName) -> GraphFiles:
    """Return the files of the graph in single precision."""
    return GraphFiles(_files(graph, runtime))


def half_files(graph: bytes, runtime: RuntimeName) -> GraphFiles:
    """Return the files of the graph with weights stored in half precision; it computes in single."""
    if runtime == "openvino":
        return GraphFiles(_files(graph, runtime, half=True))
    return GraphFiles(_files(in_half_precision(graph), runtime))


def quantized_files(
    graph: bytes,
    runtime: RuntimeName,
    model: CalibratedDetector,
    images: ImageSource,
    progress: Progress,
) -> GraphFiles:
    """Return the files of the graph whose backbone computes in 8 bits, in 7 where this CPU saturates."""
    bits = 7 if saturates() else 8
    backbone = model.bundle.detector.backbone_.model
    quantized = quantize(graph, backbone, images, weight_bits=bits, progress=progress)
    return GraphFiles(_files(quantized, runtime), bits)


def opened(files: GraphFiles, runtime: RuntimeName) -> Graph:
    """Return the graph, ready to run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.files.items():
            (Path(folder) / name).write_bytes(content)
        return open_graph(Path(folder), runtime)


def _files(graph: bytes, runtime: RuntimeName, *, half: bool = False) -> dict[str, bytes]:
    names = GRAPH_FILES[runtime]
    if runtime == "onnx":
        return {names[0]: graph}
    openvino = import_openvino("a graph for OpenVINO")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(graph)
        try:
            # not `convert_model`, which reports to its maker
            converted = openvino.Core().read_model(folder / "model.onnx")
            openvino.save_model(converted, folder / names[0], compress_to_fp16=half)
        except Exception as error:  # OpenVINO raises RuntimeError and its own
            raise ExportError(f"OpenVINO does not take the graph ({one_line(error)})") from error
        return {each: (folder / each).read_bytes() for each in names}
