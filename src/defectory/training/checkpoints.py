"""One file for the whole state of a training run: a JSON tree over safetensors arrays, no pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray

from defectory.domain import CheckpointError, OutputError, ParameterError
from defectory.storage.whole_files import write_whole

State = Any
"""Dicts (keys of text or integers), lists, tuples; in them tensors, arrays, numbers, text, bools, None."""

_TREE, _DIGEST = "tree", "blake2b"
_PLAIN = (bool, int, float, str)
_DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)


def save_checkpoint(path: Path, state: State) -> None:
    """Write the state whole or not at all; `load_checkpoint` gives it back exactly.

    Parameters
    ----------
    state : what `module.state_dict()`, `optimizer.state_dict()`, `torch.Generator.get_state()` and
        `bit_generator.state` give, nested at will; tensors come back on the CPU

    Raises
    ------
    ParameterError : something in it has another type.
    OutputError : the file cannot be written there.
    """
    arrays: dict[str, NDArray[Any]] = {}
    tree = json.dumps(_encode(state, arrays))
    metadata = {_TREE: tree, _DIGEST: _digest(tree, arrays)}
    try:
        write_whole(path, safetensors.numpy.save(arrays, metadata))
    except OSError as error:
        raise OutputError(
            f"cannot write the checkpoint {path}: {error.strerror or error}"
        ) from error


def load_checkpoint(path: Path) -> State:
    """Return the state that `save_checkpoint` wrote.

    Raises
    ------
    CheckpointError : there is none, or it is damaged.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata[_DIGEST] != _digest(metadata[_TREE], arrays):
            raise ValueError("its checksum differs")
        return _decode(json.loads(metadata[_TREE]), arrays)
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the checkpoint {path} cannot be read ({error}); remove it to train from the start"
        ) from error


def _encode(node: State, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return JSON for the node: plain values as they are, the rest as [kind, content]."""
    if node is None or type(node) in _PLAIN:
        return node
    if isinstance(node, torch.Tensor | np.ndarray):
        return _store(node, arrays)
    if isinstance(node, Mapping):
        return ["dict", [[_key(key), _encode(value, arrays)] for key, value in node.items()]]
    if isinstance(node, list | tuple):
        kind = "list" if isinstance(node, list) else "tuple"
        return [kind, [_encode(item, arrays) for item in node]]
    raise ParameterError(f"a checkpoint cannot hold {type(node).__name__}: {node!r:.80}")


def _decode(node: Any, arrays: Mapping[str, NDArray[Any]]) -> State:
    if not isinstance(node, list):
        return node
    kind, content = node
    if kind == "array":
        return arrays[content]
    if kind == "tensor":
        return torch.from_numpy(arrays[content])
    if kind == "dict":
        return {key: _decode(value, arrays) for key, value in content}
    items = [_decode(item, arrays) for item in content]
    return items if kind == "list" else tuple(items)


def _store(node: torch.Tensor | NDArray[Any], arrays: dict[str, NDArray[Any]]) -> list[str]:
    dtype = str(node.dtype).removeprefix("torch.")
    if dtype not in _DTYPES:
        raise ParameterError(f"a checkpoint cannot hold an array of {dtype}")
    is_tensor = isinstance(node, torch.Tensor)
    array = node.detach().cpu().numpy() if isinstance(node, torch.Tensor) else node
    name = str(len(arrays))
    # copied: the graph or an optimizer may own the memory, and safetensors wants it contiguous
    arrays[name] = np.array(array, order="C")
    return ["tensor" if is_tensor else "array", name]


def _key(key: Any) -> str | int:
    if type(key) not in (str, int):
        raise ParameterError(f"a checkpoint's keys are text or integers, not {key!r:.80}")
    return key  # type: ignore[no-any-return]


def _digest(tree: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.blake2b(tree.encode(), digest_size=16)
    for name in sorted(arrays):
        digest.update(f"{name}{arrays[name].dtype}{arrays[name].shape}".encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
