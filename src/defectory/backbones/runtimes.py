"""ONNX Runtime and OpenVINO, imported so that neither reports anything to its makers."""

import os
import sys
from typing import Any

from defectory.domain import MissingExtraError

_REPORTER = "openvino_telemetry"


def import_onnxruntime() -> Any:
    """Return ONNX Runtime."""
    # Official builds report to their maker, with a lasting device id, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


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


def runtime_version(provider: str) -> str:
    """Return what runs networks with a provider, with its version.

    Parameters
    ----------
    provider : cpu, openvino or cuda
    """
    if provider == "openvino":
        return f"openvino {import_openvino().__version__}"
    version = f"onnxruntime {import_onnxruntime().__version__}"
    return version if provider == "cpu" else f"{version} {provider}"
