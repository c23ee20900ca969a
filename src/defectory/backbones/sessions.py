"""ONNX Runtime, opened with care: nothing reaches it that has not been read and bounded before."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.graphs import GraphError, bound_sizes, nominal_shapes, read_graph
from defectory.domain import BundleError

_FATAL = 4  # of ONNX Runtime's log: what fails is told by the exception


class Network:
    """An ONNX model that runs in one thread.

    One thread an image and several images at once scale better than several threads on one image.

    Parameters
    ----------
    model : ONNX bytes, weights inside
    outputs : names it must give, in order
    what : the model is, for messages

    Raises
    ------
    BundleError : the model is none that a bundle may hold (see `graphs`), does not load, or gives other
        outputs.
    """

    def __init__(self, model: bytes, outputs: list[str], *, what: str) -> None:
        self._what = what
        try:
            self._graph = read_graph(model)
            found = list(self._graph.outputs)
            if found != outputs:
                raise GraphError(f"gives {found[:5]}, but {outputs[:5]} are wanted")
            bound_sizes(self._graph, nominal_shapes(self._graph))
        except GraphError as error:
            raise BundleError(f"the ONNX model of {what} {error}") from error
        self._bounded: set[tuple[tuple[int, ...], ...]] = set()
        self._session = _open_checked(model, what)
        self._options = _RUN_OPTIONS.get() or _run_options()

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the outputs.

        Raises
        ------
        BundleError : for inputs of these shapes the run would be too large, or it fails.
        """
        shapes = tuple(array.shape for array in feed.values())
        try:
            if shapes not in self._bounded:
                bound_sizes(self._graph, dict(zip(feed, shapes, strict=True)))
                self._bounded.add(shapes)
        except GraphError as error:
            raise BundleError(f"the ONNX model of {self._what} {error}") from error
        try:
            found: list[NDArray[np.float32]] = self._session.run(None, dict(feed), self._options)
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise BundleError(f"the ONNX model of {self._what} fails: {error}") from error
        return found


_RUN_OPTIONS: ContextVar[Any] = ContextVar("_RUN_OPTIONS", default=None)


@contextmanager
def time_limit(limit_s: float) -> Iterator[threading.Event]:
    """Stop networks that are opened within, should they run within, after so many seconds.

    A stopped run raises BundleError, at the next operator.

    Returns
    -------
    an event that is set where the limit was reached
    """
    options, is_over = _run_options(), threading.Event()

    def stop() -> None:
        is_over.set()
        options.terminate = True

    timer = threading.Timer(limit_s, stop)
    timer.daemon = True
    token = _RUN_OPTIONS.set(options)
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        _RUN_OPTIONS.reset(token)


def _run_options() -> Any:
    options = _onnxruntime().RunOptions()
    options.log_severity_level = _FATAL
    return options


def open_session(model: bytes) -> Any:
    """Return an ONNX Runtime session of one thread on the CPU; its errors as they come."""
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _open_checked(model: bytes, what: str) -> Any:
    try:
        return open_session(model)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise BundleError(f"the ONNX model of {what} does not load: {error}") from error


def _onnxruntime() -> Any:
    # Official builds report to their maker, with a lasting device id, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
