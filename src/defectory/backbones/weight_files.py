"""Files of weights, read without running code, and fitted to the network that they are meant for."""

import hashlib
import pickle
import sys
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from defectory.domain import ParameterError
from defectory.domain.errors import one_line

Tensors = dict[str, Any]
"""Name -> torch tensor."""

# Where training scripts put the weights in what they save beside them.
_HOMES = ("state_dict", "model", "teacher")
# What training in parallel puts before each name.
_PREFIX = "module."
_N_NAMED = 3


def hash_weights(path: Path) -> str:
    """Return the SHA-256 of a file in hex; ParameterError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ParameterError(f"weights {path} cannot be read: {reason}") from error


def read_weights(path: Path) -> Tensors:
    """Return the tensors of a file: safetensors, or a state dict that torch saved.

    Nothing of a file is run: a state dict is read with `weights_only`.

    Raises
    ------
    ParameterError : it cannot be read, holds code, or no weights.
    """
    found = _read_safetensors(path) if path.suffix == ".safetensors" else _read_state_dict(path)
    for home in _HOMES:
        if isinstance(found, Mapping) and isinstance(found.get(home), Mapping):
            found = found[home]
    if not isinstance(found, Mapping) or not found or not all(map(_is_tensor, found.values())):
        raise ParameterError(f"weights {path} hold no state dict: no names with a tensor each")
    return {str(name).removeprefix(_PREFIX): tensor for name, tensor in found.items()}


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ParameterError(
            f"weights {path} are no safetensors file: {one_line(error)}"
        ) from error


def _read_state_dict(path: Path) -> object:
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles: they are read or they are not
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ParameterError(
            f"weights {path} hold more than tensors (code, perhaps) or are damaged, and are not opened: "
            "save the state dict alone, or as .safetensors"
        ) from error
    except Exception as error:  # torch raises many kinds on damaged archives
        raise ParameterError(
            f"weights {path} are no state dict that torch can read: {one_line(error)}"
        ) from error


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def fit_weights(weights: Tensors, network: Any, path: Path, what: str) -> Tensors:
    """Return the whole state of a timm network, by the weights; its classifier may be missing or another.

    Parameters
    ----------
    weights : of `read_weights`; names of the network's first authors are brought to timm's where it can
    network : built by timm, whole
    path, what : the file and the network, for messages

    Raises
    ------
    ParameterError : weights are missing, unexpected or of another shape.
    """
    heads = _classifiers(network)
    own = network.state_dict()
    given = {k: v for k, v in _timm_names(weights, network).items() if not _is_in(k, heads)}
    wanted = {name for name in own if not _is_in(name, heads)}
    counted = {name for name in wanted if not name.endswith("num_batches_tracked")}
    problems = [
        _told("missing", counted - set(given)),
        _told("unexpected", set(given) - set(own)),
        _told(
            "of another shape",
            {k for k in wanted & set(given) if tuple(given[k].shape) != tuple(own[k].shape)},
        ),
    ]
    told = ", ".join(filter(None, problems))
    if told:
        raise ParameterError(f"weights {path} do not fit {what}: {told}")
    return {**own, **given}


def _timm_names(weights: Tensors, network: Any) -> Tensors:
    """Return the weights under timm's names: it knows those of several first authors."""
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return weights
    try:
        return dict(convert(dict(weights), network))
    except Exception:  # weights of another network: what does not fit is told by name
        return weights


def _classifiers(network: Any) -> tuple[str, ...]:
    found = network.pretrained_cfg.get("classifier") or ()
    return (found,) if isinstance(found, str) else tuple(found)


def _is_in(name: str, modules: Collection[str]) -> bool:
    return any(name.startswith(f"{module}.") for module in modules)


def _told(what: str, names: Collection[str]) -> str:
    """Return how many names are so, and the first few; nothing for none."""
    if not names:
        return ""
    more = ", ..." if len(names) > _N_NAMED else ""
    return f"{len(names)} {what} ({', '.join(sorted(names)[:_N_NAMED])}{more})"
