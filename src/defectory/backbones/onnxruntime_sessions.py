"""A network in ONNX Runtime, on the CPU or on a GPU; it reports nothing to its maker."""

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain.errors import one_line

if TYPE_CHECKING:
    from defectory.backbones.sessions import TimeLimit  # which opens these

CUDA = "CUDAExecutionProvider"

_WARNING, _FATAL = 2, 4  # of ONNX Runtime's log: what fails is told by the exception
_ON_CPU = ["CPUExecutionProvider"]
# float32 throughout, and the same algorithm each time: others would be chosen by a race
_ON_GPU = [(CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}), *_ON_CPU]

LEAST_MODEL = bytes.fromhex(
    "08083a3b0a100a017812017922084964656e7469747912056c656173745a0f0a0178120a0a080801"
    "12040a020801620f0a0179120a0a08080112040a02080142040a001011"
)
"""ONNX of y = x, one number."""


def import_onnxruntime() -> Any:
    """Return ONNX Runtime."""
    # Official builds report to their maker, with a lasting device id, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


class OnnxRuntimeSession:
    """A network that runs in one thread of the CPU, or on a GPU.

    Parameters
    ----------
    model : ONNX bytes, weights inside
    provider : cpu or cuda
    limit : of its time
    """

    def __init__(self, model: bytes, provider: str, limit: "TimeLimit | None") -> None:
        self.provider = provider
        self._session = _open(model, _ON_GPU if provider == "cuda" else _ON_CPU)
        self._options = import_onnxruntime().RunOptions()
        self._options.log_severity_level = _FATAL
        if limit is not None:
            limit.when_over(self._stop)

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the outputs, in order."""
        found: list[NDArray[np.float32]] = self._session.run(None, dict(feed), self._options)
        return found

    def _stop(self) -> None:
        self._options.terminate = True


@cache
def why_no_gpu() -> str:
    """Return why ONNX Runtime can use no GPU here, and what to do; "" where it can."""
    runtime = import_onnxruntime()
    if CUDA not in runtime.get_available_providers():
        return (
            "this ONNX Runtime knows no CUDA; run  pip uninstall onnxruntime  and then  "
            "pip install onnxruntime-gpu"
        )
    runtime.set_default_logger_severity(_FATAL)
    try:
        _open(LEAST_MODEL, _ON_GPU)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        return (
            f"ONNX Runtime can use no GPU ({one_line(error)}); are the driver, CUDA and cuDNN installed, "
            "of the versions that its page asks for?"
        )
    finally:
        runtime.set_default_logger_severity(_WARNING)  # as it is unless somebody says otherwise
    return ""


def _open(model: bytes, providers: list[Any]) -> Any:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    session = runtime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    if providers is _ON_GPU and session.get_providers()[0] != CUDA:
        raise RuntimeError(
            "it took the CPU"
        )  # without a word, where libraries or a GPU are missing
    return session
