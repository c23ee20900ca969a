"""What TrainingResources mean to torch: a device, threads, a precision. Imports torch only when called."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from defectory.domain import MissingExtraError, ParameterError, TrainingResources
from defectory.machine import count_cores

if TYPE_CHECKING:
    import torch


def find_device(resources: TrainingResources) -> "torch.device":
    """Return the device to train on.

    Raises
    ------
    ParameterError : CUDA was asked for and is not there.
    MissingExtraError : the extra `train` is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("training a network", "train") from error
    has_cuda = torch.cuda.is_available()
    if resources.device.startswith("cuda") and not has_cuda:
        raise ParameterError(
            "torch finds no CUDA device here; use the device cpu, or install torch for CUDA"
        )
    return torch.device("cuda" if has_cuda and resources.device != "cpu" else "cpu")


@contextmanager
def limited_threads(resources: TrainingResources) -> Iterator[None]:
    """Keep torch to the resources' `n_threads`, else to the cores of this process, in the context."""
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(resources.n_threads or min(before, count_cores()))
        yield
    finally:
        torch.set_num_threads(before)


def autocast(resources: TrainingResources, device: "torch.device") -> "torch.autocast":
    """Return the context for forward passes and losses."""
    import torch

    is_half = resources.device == "cuda-bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_half)
