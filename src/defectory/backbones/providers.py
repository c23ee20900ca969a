"""Which provider runs networks: ONNX Runtime on the CPU or on a GPU, or OpenVINO.

A provider belongs to the machine, as its threads and its cache do: no detector and no bundle names one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec

from defectory.domain import MissingExtraError, ParameterError

PROVIDERS = ("cpu", "openvino", "cuda", "auto")
"""Names; `auto` is cuda where there is a GPU that can be used, else cpu: OpenVINO was not faster."""

_in_force: ContextVar[str] = ContextVar("provider_in_force", default="cpu")


def provider_in_force() -> str:
    """Return the provider that networks are opened with here and now: cpu, openvino or cuda."""
    return _in_force.get()


@contextmanager
def running_on(provider: str) -> Iterator[None]:
    """Open networks with this provider while the context lasts.

    A network stays with its provider, whichever thread runs it later. New threads begin without the context.

    Raises
    ------
    ParameterError, MissingExtraError : see `find_provider`; said before work starts.
    """
    token = _in_force.set(find_provider(provider))
    try:
        yield
    finally:
        _in_force.reset(token)


def find_provider(name: str) -> str:
    """Return the provider of that name, which is there: cpu, openvino or cuda.

    Raises
    ------
    ParameterError : there is no such provider, or no GPU that ONNX Runtime can use.
    MissingExtraError : OpenVINO is not installed.
    """
    if name not in PROVIDERS:
        raise ParameterError(f"no provider is named {name!r}; there are {', '.join(PROVIDERS)}")
    if name == "openvino" and find_spec("openvino") is None:
        raise MissingExtraError("the provider openvino", "openvino")
    if name not in ("cuda", "auto"):
        return name
    from defectory.backbones.onnxruntime_sessions import why_no_gpu

    reason = why_no_gpu()
    if reason and name == "cuda":
        raise ParameterError(f"the provider cuda is not there: {reason}")
    return "cpu" if reason else "cuda"


def runtime_version(provider: str) -> str:
    """Return what runs networks with a provider, with its version.

    Parameters
    ----------
    provider : cpu, openvino or cuda
    """
    if provider == "openvino":
        from defectory.backbones.openvino_sessions import import_openvino

        return f"openvino {import_openvino().__version__}"
    from defectory.backbones.onnxruntime_sessions import import_onnxruntime

    version = f"onnxruntime {import_onnxruntime().__version__}"
    return version if provider == "cpu" else f"{version} {provider}"
