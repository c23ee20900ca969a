"""Networks, opened with care: no runtime is given one that has not been read and bounded before.

One that nobody has seen run yet can be given a limit of time, too.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.graphs import GraphError, bound_sizes, nominal_shapes, read_graph
from defectory.backbones.providers import provider_in_force
from defectory.domain import BundleError, DefectoryError
from defectory.domain.errors import one_line


class TimeLimit:
    """Seconds that networks may take, and what stops them.

    Attributes
    ----------
    is_over : set where the limit was reached
    """

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def when_over(self, stop: Callable[[], None]) -> None:
        """Have this called when the limit is reached; at once where it was."""
        with self._lock:
            if not self.is_over.is_set():
                self._stops.append(stop)
                return
        stop()

    def end(self) -> None:
        """Reach the limit."""
        with self._lock:
            self.is_over.set()
        for stop in self._stops:
            stop()


_limit_in_force: ContextVar[TimeLimit | None] = ContextVar("time_limit_in_force", default=None)


def limit_in_force() -> TimeLimit | None:
    """Return the limit of networks that are opened here and now."""
    return _limit_in_force.get()


@contextmanager
def time_limit(limit_s: float) -> Iterator[threading.Event]:
    """Stop networks that are opened within, should they run within, after so many seconds.

    A stopped run raises BundleError, at the next operator.

    Returns
    -------
    an event that is set where the limit was reached
    """
    limit = TimeLimit()
    timer = threading.Timer(limit_s, limit.end)
    timer.daemon = True
    token = _limit_in_force.set(limit)
    timer.start()
    try:
        yield limit.is_over
    finally:
        timer.cancel()
        _limit_in_force.reset(token)


class Session(Protocol):
    """A network in a runtime.

    Attributes
    ----------
    provider : that it runs on: cpu, openvino or cuda
    """

    provider: str

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the outputs, in order; threads may ask at once."""


class Network:
    """An ONNX model that runs in one thread, with the provider in force when it was opened.

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
    ParameterError, MissingExtraError : the provider is not there.
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
        self._session = _open_session(model, what)

    @property
    def provider(self) -> str:
        """What it runs on: cpu, openvino or cuda."""
        return self._session.provider

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
            return self._session.run(feed)
        except Exception as error:  # the runtimes' errors share no public base class
            reason = one_line(error)
            raise BundleError(f"the ONNX model of {self._what} fails: {reason}") from error


def _open_session(model: bytes, what: str) -> Session:
    provider, limit = provider_in_force(), limit_in_force()
    try:
        if provider == "openvino":
            from defectory.backbones.openvino_sessions import OpenVinoSession

            return OpenVinoSession(model, limit)
        from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession

        return OnnxRuntimeSession(model, provider, limit)
    except DefectoryError:
        raise
    except Exception as error:  # the runtimes' errors share no public base class
        raise BundleError(f"the ONNX model of {what} does not load: {one_line(error)}") from error
