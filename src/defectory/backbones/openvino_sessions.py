"""A network in OpenVINO, on the CPU, in float32; it reports nothing to its makers."""

import sys
import threading
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import MissingExtraError
from defectory.machine import count_cores

if TYPE_CHECKING:
    from defectory.backbones.sessions import TimeLimit  # which opens these

# On processors that could, OpenVINO computes in bfloat16 or float16 unless this is said.
_EXACTLY = {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}
# Between two looks at the clock, while a network runs under a limit of time.
_LOOK_MS = 20
# Networks made for one size each; bundles see a few.
_MOST_SIZES = 8
# Compiling cannot be stopped, and of a chain of this length takes seconds; of three times as many, minutes.
_MOST_OPERATORS = 1000
_NO_OPERATORS = frozenset({"Constant", "Parameter", "Result"})

_REPORTER = "openvino_telemetry"

_Shapes = tuple[tuple[int, ...], ...]


def import_openvino(what: str = "the provider openvino") -> Any:
    """Return OpenVINO.

    Its import would report itself, and leave a lasting id in the user's home. Where it does not find the
    package that does so, it goes without.

    Parameters
    ----------
    what : needs it, for the message

    Raises
    ------
    MissingExtraError : OpenVINO is not installed.
    """
    before = sys.modules.get(_REPORTER)
    sys.modules[_REPORTER] = None  # type: ignore[assignment]  # which makes importing it fail
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError(what, "openvino") from error
    finally:
        del sys.modules[_REPORTER]
        if before is not None:
            sys.modules[_REPORTER] = before
    return openvino


class OpenVinoSession:
    """A network that runs in one thread a request, with as many requests at once as there are cores.

    For each size of its inputs a network of its own is compiled, which knows all sizes inside: how an image
    is computed then depends on its own size alone, never on what ran before.

    Parameters
    ----------
    model : ONNX bytes, weights inside
    limit : of its time
    """

    provider = "openvino"

    def __init__(self, model: bytes, limit: "TimeLimit | None") -> None:
        import_openvino()
        from openvino.frontend import FrontEndManager

        # asked by name, or it would guess from the bytes what format they are of
        frontend = FrontEndManager().load_by_framework("onnx")
        self._model = frontend.convert(frontend.load(BytesIO(model)))
        self._limit = limit
        self._n_at_once = count_cores()  # here: a thread that runs it may not know of a limit
        self._compiled: dict[_Shapes, _Compiled] = {}
        self._lock = threading.Lock()

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the outputs, in order."""
        if self._limit is not None and self._limit.is_over.is_set():
            raise TimeoutError("its time is over")
        arrays = {name: np.ascontiguousarray(array) for name, array in feed.items()}
        return self._for(arrays).run(arrays, self._limit)

    def _for(self, arrays: Mapping[str, NDArray[Any]]) -> "_Compiled":
        """Return the network for inputs of these sizes."""
        shapes = tuple(array.shape for array in arrays.values())
        with self._lock:
            found = self._compiled.pop(shapes, None)
            if found is None:
                sizes = dict(zip(arrays, shapes, strict=True))
                found = _Compiled(self._model, sizes, self._n_at_once)
                if len(self._compiled) == _MOST_SIZES:
                    del self._compiled[next(iter(self._compiled))]  # used longest ago
            self._compiled[shapes] = found
            return found


class _Compiled:
    """A network for inputs of one size; threads may run it at once."""

    def __init__(self, model: Any, sizes: Mapping[str, tuple[int, ...]], n_at_once: int) -> None:
        sized = model.clone()
        sized.reshape({name: list(size) for name, size in sizes.items()})
        _refuse_long(sized)
        settings = {
            **_EXACTLY,
            "NUM_STREAMS": n_at_once,
            "INFERENCE_NUM_THREADS": n_at_once,
            "ENABLE_CPU_PINNING": False,  # other work is on these cores, too
        }
        self._network = _core().compile_model(sized, "CPU", settings)
        self._idle: list[Any] = []

    def run(
        self, feed: Mapping[str, NDArray[Any]], limit: "TimeLimit | None"
    ) -> list[NDArray[np.float32]]:
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._network.create_infer_request()
        request.start_async(dict(feed), share_inputs=True)
        if limit is None:
            request.wait()
        else:
            _wait_within(limit, request)
        # copied: the request's own memory is written again
        found = [np.array(request.get_output_tensor(i).data) for i in range(self._n_outputs)]
        self._idle.append(request)
        return found

    @property
    def _n_outputs(self) -> int:
        return len(self._network.outputs)


def _refuse_long(sized: Any) -> None:
    """Raise ValueError where compiling a network could take minutes."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())  # what hangs on sizes alone is no operator
    manager.run_passes(sized)
    n = sum(operator.get_type_name() not in _NO_OPERATORS for operator in sized.get_ops())
    if n > _MOST_OPERATORS:
        raise ValueError(
            f"it has {n:,} operators, and OpenVINO is given at most {_MOST_OPERATORS:,}, or compiling it "
            "could take minutes; take another provider"
        )


def _wait_within(limit: "TimeLimit", request: Any) -> None:
    """Wait for a request, or stop it at its next operator where the limit is reached; it raises then."""
    while not request.wait_for(_LOOK_MS):
        if limit.is_over.is_set():
            request.cancel()
            break
    request.wait()


@cache
def _core() -> Any:
    openvino = import_openvino()
    # The first array that becomes a tensor makes OpenVINO ask NumPy for its version: two threads that do so
    # at once may wait for each other for good.
    openvino.Tensor(np.zeros(1, np.float32))
    return openvino.Core()
