"""A network in ONNX Runtime, on the CPU or on a GPU."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.providers import CUDA, has_cuda, import_onnxruntime
from defectory.backbones.time_limits import TimeLimit
from defectory.domain import ParameterError
from defectory.domain.errors import one_line

_FATAL = 4  # of ONNX Runtime's log: what fails is told by the exception
_ON_CPU = ["CPUExecutionProvider"]
# float32 throughout, and the same algorithm each time: others would be chosen by a race
_ON_GPU = [(CUDA, {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}), *_ON_CPU]


class OnnxRuntimeSession:
    """A network that runs in one thread of the CPU, or on a GPU.

    Parameters
    ----------
    model : ONNX bytes, weights inside
    provider : cpu, cuda, or auto: CUDA where there is a GPU
    limit : of its time

    Attributes
    ----------
    provider : cpu or cuda, what it does run on

    Raises
    ------
    ParameterError : there is no GPU that ONNX Runtime can use.
    """

    def __init__(self, model: bytes, provider: str, limit: TimeLimit | None) -> None:
        self.provider = "cpu"
        if provider == "cuda" or (provider == "auto" and has_cuda()):
            self._session = _open_on_gpu(model, is_needed=provider == "cuda")
            if self._session.get_providers()[0] == CUDA:
                self.provider = "cuda"
        else:
            self._session = _open(model, _ON_CPU)
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


def _open_on_gpu(model: bytes, *, is_needed: bool) -> Any:
    """Return a session on a GPU; on the CPU where there is none and none is needed."""
    reason = "it says no more"
    try:
        session = _open(model, _ON_GPU)
        # where CUDA's libraries or a GPU are missing, it takes the CPU without a word
        if session.get_providers()[0] == CUDA or not is_needed:
            return session
    except Exception as error:  # ONNX Runtime's errors share no public base class
        if not is_needed:
            return _open(model, _ON_CPU)
        reason = one_line(error)
    raise ParameterError(f"ONNX Runtime finds no GPU that it can use ({reason})")


def _open(model: bytes, providers: list[Any]) -> Any:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    return runtime.InferenceSession(model, options, providers=providers, enable_fallback=0)
