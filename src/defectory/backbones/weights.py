"""From a backbone's name to a running backbone; conversion happens once a machine."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from defectory.backbones.cache_keys import conversion_key
from defectory.backbones.cards import DEFAULT_BACKBONE, WeightCard
from defectory.backbones.engine import Backbone
from defectory.backbones.equivalents import name_equivalents
from defectory.backbones.kept_features import FeatureStore
from defectory.backbones.weight_files import hash_weights
from defectory.domain import MissingExtraError, ParameterError
from defectory.machine.cache_folder import user_cache_folder
from defectory.plugins import find_plugin, plugin_names, refuse_clash
from defectory.storage.whole_files import write_whole

_TIMM_PREFIX = "timm:"
# Raised whenever the conversion itself changes, so that an old conversion is not taken for a new one.
CONVERSION_VERSION = 2


def load_backbone(
    name: str = DEFAULT_BACKBONE,
    stages: Sequence[str] = ("block7", "block10"),
    *,
    cache: FeatureStore | None = None,
    weights: Path | None = None,
) -> Backbone:
    """Return the backbone of that name, cut to the stages wanted.

    Parameters
    ----------
    name : `efficientnet-lite0`, `timm:NAME` for any model timm can give features of (extra `timm`), or a
        plug-in's
    stages : names on the weight card, fine to coarse
        names of EfficientNet-Lite0 are answered by any backbone, see `name_equivalents`
    cache : see `Backbone`
    weights : file of weights for `timm:NAME`, see `convert_timm`; None takes what timm's cache has

    Raises
    ------
    ParameterError : no such backbone or stage; no weights, or weights that do not fit.
    MissingExtraError : the extra that carries the weights is not installed.
    PluginError : several packages offer that name, one takes a built-in name, or the plug-in is broken.
    """
    model, card = _convert(name, weights)
    model, answered = name_equivalents(model, card, stages)
    card = replace(card, stages=answered)
    known = [stage.name for stage in card.stages]
    unknown = [stage for stage in stages if stage not in known]
    if unknown:
        raise ParameterError(f"{name} has no stage {unknown[0]!r}; it has {', '.join(known)}")
    return Backbone(cut_to_stages(model, stages), card, stages, cache=cache)


def cut_to_stages(model: bytes, stages: Sequence[str]) -> bytes:
    """Return the model without the nodes and weights that the stages do not need."""
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("fitting", "train") from error
    proto = onnx.load_from_string(model)
    graph = proto.graph
    needed, kept = set(stages), []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    outputs = {output.name: output for output in graph.output}
    chosen = [outputs[name] for name in stages]
    for field, values in (("node", kept[::-1]), ("initializer", weights), ("output", chosen)):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    return bytes(proto.SerializeToString(deterministic=True))


def check_weights(backbone: str, weights: Path | None) -> None:
    """Refuse, before work starts, a file of weights that no backbone is there for; ParameterError."""
    if weights is None:
        return
    if not backbone.startswith(_TIMM_PREFIX):
        raise ParameterError(
            f"{backbone} brings its own weights; say which network {weights} is for: backbone timm:NAME"
        )
    hash_weights(weights)


def _convert(name: str, weights: Path | None = None) -> tuple[bytes, WeightCard]:
    """Return model and card of all stages."""
    check_weights(name, weights)
    # what converts is imported here: scoring a bundle needs none of it
    if name == DEFAULT_BACKBONE:
        from defectory.backbones.efficientnet_lite import convert_lite0

        refuse_clash("backbone", name)
        return _load_converted(name, convert_lite0)
    if name.startswith(_TIMM_PREFIX):
        from defectory.backbones.timm_models import convert_timm

        bare = name.removeprefix(_TIMM_PREFIX)
        if weights is None:
            return _load_converted(name, lambda: convert_timm(bare))
        file = f"{name}@{hash_weights(weights)[:12]}"
        return _load_converted(file, lambda: convert_timm(bare, weights))
    plugin = find_plugin("backbone", name)
    if plugin is not None:
        from defectory.backbones.foreign import convert_plugin

        return convert_plugin(
            plugin
        )  # not kept on disk: only its makers know when it is another one
    others = "".join(f"{other}, " for other in plugin_names("backbone"))
    raise ParameterError(
        f"no backbone is named {name!r}; there is {DEFAULT_BACKBONE}, {others}"
        "and timm:NAME with the extra timm"
    )


def is_converted(name: str) -> bool:
    """Return whether an earlier process seems to have converted the backbone."""
    try:
        return _converted_path(name).is_file()
    except OSError:
        return False


def _converted_path(name: str) -> Path:
    safe_name = name.replace(":", "-").replace("/", "-")
    file = f"{safe_name}-{conversion_key(name, CONVERSION_VERSION)}.onnx"
    return user_cache_folder() / "backbones" / file


def _load_converted(
    name: str, convert: Callable[[], tuple[bytes, WeightCard]]
) -> tuple[bytes, WeightCard]:
    path = _converted_path(name)
    card_path = path.with_suffix(".json")
    try:
        return _read_converted(path, card_path)
    except (OSError, ValueError, KeyError, TypeError):
        model, card = convert()
    described = {**card.to_dict(), "onnx_sha256": hashlib.sha256(model).hexdigest()}
    try:
        write_whole(path, model)
        write_whole(card_path, json.dumps(described, indent=1).encode())
    except OSError:
        pass  # a read-only or full cache costs the next process a second, no more
    return model, card


def _read_converted(path: Path, card_path: Path) -> tuple[bytes, WeightCard]:
    """Return what an earlier process left; ValueError where the disk has damaged it since."""
    model, described = path.read_bytes(), json.loads(card_path.read_text())
    if hashlib.sha256(model).hexdigest() != described["onnx_sha256"]:
        raise ValueError(f"{path} is not the model that {card_path} describes")
    return model, WeightCard.from_dict(described)
