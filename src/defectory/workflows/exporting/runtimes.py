"""Exported graphs, opened by the runtimes that they are for: an image in, score and map out."""

import platform
import re
from pathlib import Path
from typing import Protocol

import numpy as np

from defectory.artifacts.exported import GRAPH_FILES, RuntimeName
from defectory.backbones.onnxruntime_sessions import import_onnxruntime
from defectory.backbones.openvino_sessions import import_openvino
from defectory.detectors.decision_graphs import IMAGE, MAP, SCORE
from defectory.domain import ExportError
from defectory.domain.errors import one_line
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.machine import count_cores

_FATAL = 4  # of ONNX Runtime's log: what fails is told by the exception
_TELLING = re.compile(r"sse4_[12]|avx\w*|fma|amx_\w+|asimd\w*|i8mm|bf16")


class Graph(Protocol):
    """An exported graph that is ready to run."""

    version: str
    """Name and version of the runtime."""

    def run(self, image: Image) -> tuple[float, AnomalyMap | None]:
        """Return raw score and anomaly map of one image; ExportError where the runtime fails."""
        ...


def open_graph(folder: Path, runtime: RuntimeName) -> Graph:
    """Return the graph in an exported folder.

    Raises
    ------
    ExportError : it does not load.
    MissingExtraError : OpenVINO is not installed.
    """
    path = folder / GRAPH_FILES[runtime][0]
    return OnnxGraph(path) if runtime == "onnx" else OpenVinoGraph(path)


class OnnxGraph:
    """A graph that ONNX Runtime runs on the cores that there are.

    Parameters
    ----------
    model : path of a file, or its content
    """

    def __init__(self, model: Path | bytes) -> None:
        onnxruntime = import_onnxruntime()
        self.version = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = count_cores()
        options.log_severity_level = _FATAL
        given = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(
                given, options, providers=["CPUExecutionProvider"]
            )
            self._outputs = [output.name for output in self._session.get_outputs()]
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise _does_not(self.version, "load", model, error) from error

    def run(self, image: Image) -> tuple[float, AnomalyMap | None]:
        """Return raw score and anomaly map of one image; see Graph."""
        try:
            found = dict(zip(self._outputs, self._session.run(None, {IMAGE: image}), strict=True))
            return float(found[SCORE]), found.get(MAP)
        except Exception as error:
            raise _does_not(self.version, "run", "the graph", error) from error


class OpenVinoGraph:
    """A graph that OpenVINO runs on the CPU, in single precision as it was exported."""

    def __init__(self, path: Path) -> None:
        openvino = import_openvino("a graph for OpenVINO")
        self.version = f"openvino {openvino.__version__.split('-')[0]}"
        settings = {
            # without it, processors that can would compute in bfloat16
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": count_cores(),
        }
        try:
            core = openvino.Core()
            core.set_property({"ENABLE_MMAP": False})  # the file may go once it is read
            compiled = core.compile_model(str(path), "CPU", settings)
            self._request = compiled.create_infer_request()
            names = {name for output in compiled.outputs for name in output.get_names()}
        except Exception as error:  # OpenVINO raises RuntimeError and its own
            raise _does_not(self.version, "load", path, error) from error
        self._has_map = MAP in names

    def run(self, image: Image) -> tuple[float, AnomalyMap | None]:
        """Return raw score and anomaly map of one image; see Graph."""
        try:
            self._request.infer({IMAGE: np.ascontiguousarray(image)})
            # copies: the next image is written into the same memory
            score = float(self._request.get_tensor(SCORE).data)
            heat = self._request.get_tensor(MAP).data.copy() if self._has_map else None
        except Exception as error:
            raise _does_not(self.version, "run", "the graph", error) from error
        return score, heat


def cpu_flags() -> tuple[str, ...]:
    """Return what the processor can of what networks are computed with; () where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return tuple(sorted(filter(_TELLING.fullmatch, match[1].split()))) if match else ()


def saturates() -> bool:
    """Return whether this processor adds products of bytes in 16 bits, so that 8-bit weights overflow."""
    is_intel_like = platform.machine().lower() in ("x86_64", "amd64", "i686", "x86")
    return is_intel_like and not any("vnni" in flag for flag in cpu_flags())


def _does_not(version: str, what: str, of: object, error: Exception) -> ExportError:
    name = "the graph" if isinstance(of, bytes) else of
    return ExportError(f"{name}: {version} does not {what} it ({one_line(error)})")
