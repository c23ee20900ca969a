"""From a trained module to ONNX, and the proof that both say the same."""

import copy
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from defectory.domain import MissingExtraError, ParameterError

OPSET = 18
_LOGGERS = ("torch.onnx", "onnxscript", "onnx_ir")


def export_onnx(
    module: torch.nn.Module,
    example_inputs: Sequence[torch.Tensor],
    input_names: Sequence[str],
    output_names: Sequence[str],
) -> bytes:
    """Return the module, in eval mode, as one ONNX model with its weights inside; the batch is dynamic.

    Parameters
    ----------
    example_inputs : with a batch of 2 or more: 1 would be taken for a constant

    Raises
    ------
    MissingExtraError : the extra `train` (onnx, onnxscript) is not installed.
    ParameterError : the module holds something that ONNX does not.
    """
    frozen = copy.deepcopy(module).eval()
    names = (list(input_names), list(output_names))
    try:
        with _silence(), torch.no_grad():
            try:
                model = _trace(frozen, tuple(example_inputs), *names)
            except Exception:  # a module that cannot be traced, or a torch that no longer traces
                model = _capture(frozen, tuple(example_inputs), *names)
    except ImportError as error:
        raise MissingExtraError("the export to ONNX", "train") from error
    except Exception as error:  # the exporters' errors share no public base class
        raise ParameterError(
            f"{type(module).__name__} cannot be exported to ONNX: {error}"
        ) from error
    return _serialize(model)


def _trace(
    module: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    input_names: list[str],
    output_names: list[str],
) -> Any:
    """Return the model as torch's older exporter writes it: ten times faster, but on its way out."""
    import onnx

    written = io.BytesIO()
    torch.onnx.export(
        module,
        inputs,
        written,  # type: ignore[arg-type]
        input_names=input_names,
        output_names=output_names,
        dynamic_axes={name: {0: "n"} for name in (*input_names, *output_names)},
        opset_version=OPSET,
        dynamo=False,
    )
    return onnx.load_from_string(written.getvalue())


def _capture(
    module: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    input_names: list[str],
    output_names: list[str],
) -> Any:
    """Return the model as torch's newer exporter writes it."""
    batch = torch.export.Dim("n")
    program = torch.onnx.export(
        module,
        inputs,
        input_names=input_names,
        output_names=output_names,
        dynamic_shapes=tuple({0: batch} for _ in inputs),
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None  # it is None only for the older exporter
    return program.model_proto


def max_difference(
    module: torch.nn.Module,
    run: Callable[[Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]],
    inputs: Mapping[str, NDArray[Any]],
) -> float:
    """Return the largest absolute difference between torch and a runtime, over all outputs.

    Parameters
    ----------
    run : the exported model in its runtime: inputs -> outputs, in order
    inputs : name in the model -> array, in the order of the module's arguments
    """
    found = run(inputs)
    expected = _run_module(module, [torch.from_numpy(array) for array in inputs.values()])
    return max(
        float(np.abs(a.astype(np.float64) - b.numpy()).max())
        for a, b in zip(found, expected, strict=True)
    )


def _run_module(
    module: torch.nn.Module, inputs: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        outputs = copy.deepcopy(module).eval()(*inputs)
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _serialize(model: Any) -> bytes:
    """Return the bytes without the source lines and paths of this machine that the exporter notes."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporter's prints, log lines and warnings (all about itself) from the user."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    nowhere = io.StringIO()
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
