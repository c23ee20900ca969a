"""What runs networks: ONNX Runtime on the CPU or on a GPU, or OpenVINO; what of these is here.

A provider belongs to the machine, as its threads and its cache do: no detector and no bundle names one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

from defectory.domain import MissingExtraError, ParameterError

PROVIDERS = ("cpu", "openvino", "cuda", "auto")
"""Names of providers; `auto` is CUDA where it is there, else cpu, which OpenVINO is not faster than."""

DEFAULT_PROVIDER = "cpu"
CUDA = "CUDAExecutionProvider"

_in_force: ContextVar[str] = ContextVar("provider_in_force", default=DEFAULT_PROVIDER)


def provider_in_force() -> str:
    """Return the provider that networks are opened with here and now."""
    return _in_force.get()


@contextmanager
def running_on(provider: str) -> Iterator[None]:
    """Open networks with this provider while the context lasts.

    A network stays with its provider, whichever thread runs it later. New threads begin without the context.

    Raises
    ------
    ParameterError, MissingExtraError : see `check_provider`; said before work starts.
    """
    check_provider(provider)
    token = _in_force.set(provider)
    try:
        yield
    finally:
        _in_force.reset(token)


def check_provider(provider: str) -> None:
    """Refuse a provider that is none, or that is not installed here.

    Raises
    ------
    ParameterError : there is no such provider, or this ONNX Runtime knows no CUDA.
    MissingExtraError : OpenVINO is not installed.
    """
    if provider not in PROVIDERS:
        raise ParameterError(f"no provider is named {provider!r}; there are {', '.join(PROVIDERS)}")
    if provider == "openvino" and find_spec("openvino") is None:
        raise MissingExtraError("the provider openvino", "openvino")
    if provider == "cuda" and not has_cuda():
        raise ParameterError(
            "the provider cuda needs an ONNX Runtime that knows CUDA, and the one here does not: "
            "run  pip uninstall onnxruntime  and then  pip install onnxruntime-gpu"
        )


def has_cuda() -> bool:
    """Return whether the ONNX Runtime that is installed knows CUDA; whether there is a GPU, it cannot say."""
    return CUDA in import_onnxruntime().get_available_providers()


def import_onnxruntime() -> Any:
    """Return ONNX Runtime, which reports nothing."""
    # Official builds report to their maker, with a lasting device id, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def import_openvino() -> Any:
    """Return OpenVINO, which reports nothing.

    Its import would report itself to its makers, and leave a lasting id in the user's home. Where it does not
    find the package that does so, it goes without.

    Raises
    ------
    MissingExtraError : OpenVINO is not installed.
    """
    reporter = "openvino_telemetry"
    before = sys.modules.get(reporter)
    sys.modules[reporter] = None  # type: ignore[assignment]  # which makes importing it fail
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("the provider openvino", "openvino") from error
    finally:
        del sys.modules[reporter]
        if before is not None:
            sys.modules[reporter] = before
    return openvino


def runtime_version(provider: str) -> str:
    """Return what runs networks with a provider, with its version.

    Parameters
    ----------
    provider : that a network runs on: cpu, openvino or cuda
    """
    if provider == "openvino":
        return f"openvino {import_openvino().__version__}"
    version = f"onnxruntime {import_onnxruntime().__version__}"
    return version if provider == DEFAULT_PROVIDER else f"{version} {provider}"
